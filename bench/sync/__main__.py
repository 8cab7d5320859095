"""`python -m bench.sync`: measure the rows on the lab that is up, print them, and write them to `.lab/bench-sync.json`."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from bench.sync import rebuilt, rest, rows
from bench.sync.installation import Installation, installed
from lab.machine import hardware
from lab.paths import LabPaths
from lab.progress import console, say

Keep = Callable[[dict[str, Any]], None]
Row = Callable[[Installation, argparse.Namespace], Awaitable[Any]]
ROWS: dict[str, Row] = {
    "push": lambda here, how: rows.pushed(here, how.n),
    "unreported": lambda here, how: rows.pushed(here, how.lost, reported=False, interval="1m"),
    "image": lambda here, how: rows.images(here, how.images),
    "lost": lambda here, how: rows.images(here, how.lost, reported=False, interval="1m"),
    "many": lambda here, how: rows.many(here, how.objects, how.rounds),
    "drift": lambda here, how: rows.drift(here, how.n),
    "rebuilt": lambda here, how: rebuilt.rebuilt(here, how.services),
    "rest": lambda here, how: rest.at_rest(here, how.repositories, how.kustomizations, how.seconds),
}
ALONE = {"rebuilt": rebuilt.NAMESPACES}
"""Rows with an installation of their own, and the namespaces that it looks after besides."""


def asked() -> argparse.Namespace:
    """How much of each row."""
    parser = argparse.ArgumentParser(prog="python -m bench.sync", description=__doc__)
    parser.add_argument("--rows", default=",".join(ROWS), help="which, with commas between")
    parser.add_argument("--n", type=int, default=50, help="pushes to git, and changes by hand")
    parser.add_argument("--images", type=int, default=20, help="pushes of an image")
    parser.add_argument(
        "--lost", type=int, default=5, help="pushes of which no webhook says anything, each of git and of an image"
    )
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5, help="syncs of the many objects")
    parser.add_argument("--services", type=int, default=50, help="that an empty cluster gets from git")
    parser.add_argument("--repositories", type=int, default=200)
    parser.add_argument("--kustomizations", type=int, default=2000)
    parser.add_argument(
        "--seconds",
        type=float,
        default=120,
        help="of rest that are measured: whole minutes, for reconcile comes once in each",
    )
    return parser.parse_args()


async def measured(how: argparse.Namespace, places: LabPaths, keep: Keep = lambda _: None) -> dict[str, Any]:
    """Each row that was asked for; one that fails says why, and the others go on.

    Args:
        how: which rows, and how much of each.
        places: of the lab, which is up.
        keep: gets what was found so far after each row: a run that is cut loses the rest alone.
    """
    names, found = how.rows.split(","), dict[str, Any]()
    together = [name for name in names if name not in ALONE]
    if together:
        async with installed(places) as here:
            await each_of(here, how, together, found, keep)
    for name in names:
        if name in ALONE:
            async with installed(places, ALONE[name]) as here:
                await each_of(here, how, [name], found, keep)
    return found


async def each_of(
    here: Installation, how: argparse.Namespace, names: Sequence[str], found: dict[str, Any], keep: Keep
) -> None:
    """Measure these rows by one installation."""
    for name in names:
        say(f"measuring {name}")
        load = hardware.load_average()
        try:
            found[name] = await ROWS[name](here, how)
        except Exception as error:  # the other rows are measured all the same
            found[name] = {"failed": repr(error)}
        found[name] |= {"load_average": [load, hardware.load_average()]}
        console.print(f"{name:<6} {json.dumps(found[name])}", soft_wrap=True)
        keep(found)


def main() -> None:
    """Measure, and write it down."""
    how, places = asked(), LabPaths()
    about: dict[str, Any] = hardware.describe() | {"load_average_start": hardware.load_average()}
    written = places.home / "bench-sync.json"

    def keep(found: dict[str, Any]) -> None:
        about["load_average_end"] = hardware.load_average()
        written.write_text(json.dumps({"machine": about, "asked": vars(how), **found}, indent=2) + "\n")

    asyncio.run(measured(how, places, keep))
    console.print(f"written to {written}")


if __name__ == "__main__":
    main()
