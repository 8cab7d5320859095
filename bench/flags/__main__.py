"""`python -m bench.flags`: an audit of many flags over many repositories, cold and when nothing moved.

Prints the rows, and writes `.lab/bench-flags.json` with machine, load and sizes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.flags.repositories import make
from bench.flags.world import audit_of, wired
from lab.machine import hardware
from lab.paths import LabPaths
from lab.progress import console
from tasks.flags.auditing.looking.gather import gathered, here

MIB = 1 << 20
GOALS = {"cold": 60.0, "nothing moved": 10.0}
"""Seconds."""
MOST_MEMORY = 500
"""MiB, of this process and two that read code."""


def asked() -> argparse.Namespace:
    """The sizes."""
    parser = argparse.ArgumentParser(prog="python -m bench.flags", description=__doc__)
    parser.add_argument("--flags", type=int, default=500)
    parser.add_argument("--repositories", type=int, default=20)
    parser.add_argument("--lines", type=int, default=1_000_000, help="of all repositories together")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args()


def measured(how: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """The rows."""
    keys = [f"flag-{at}-of-shop" for at in range(how.flags)]
    each = how.lines // how.repositories
    places = [make(folder, at, each, keys[at :: how.repositories], how.seed) for at in range(how.repositories)]
    audit, rows = audit_of(places), dict[str, Any]()
    for name in ("cold", "nothing moved"):
        with wired(folder / "home", audit, keys):
            began, cpu = time.perf_counter(), _cpu()
            seen = asyncio.run(gathered(audit, None, here()))
            rows[name] = {
                "seconds": round(time.perf_counter() - began, 2),
                "CPU seconds": round(_cpu() - cpu, 2),
                "goal": GOALS[name],
                "findings": dict(Counter(row.finding for row in seen.rows)),
                "places": sum(len(row.places) for row in seen.rows),
                "troubles": list(seen.troubles),
            }
    rows["memory"] = {"MiB": _memory(), "goal": MOST_MEMORY}
    return rows


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _memory() -> int:
    """The most that this process had, and twice the most that any of its children had: two run at once."""
    mine, largest = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return round((mine + 2 * largest) * 1024 / MIB)


def main() -> None:
    """Measure, print, write."""
    how, about = asked(), dict[str, Any]()
    about["load_average_begin"] = hardware.load_average()
    with tempfile.TemporaryDirectory(prefix="sluice-bench-flags-") as folder:
        rows = measured(how, Path(folder))
    about["load_average_end"] = hardware.load_average()
    for name, figures in rows.items():
        console.print(f"{name:<16} {figures}", soft_wrap=True)
    written = LabPaths().home / "bench-flags.json"
    written.parent.mkdir(exist_ok=True)
    written.write_text(json.dumps({"machine": about, "sizes": vars(how), **rows}, indent=2) + "\n")
    console.print(f"written to {written}")


if __name__ == "__main__":
    main()
