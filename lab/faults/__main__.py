"""``python -m lab.faults --seed S --cases N [--only KIND] [--replay SEED/ROUND|FILE]``: the fault suite.

Exit status 0: every law was kept; 1: one was broken, and its seed and timeline are printed; 2: the suite itself failed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from uuid import uuid4

from lab import environment
from lab.api.access import Access
from lab.api.client import Api
from lab.api.paths import path_of
from lab.errors import LabError
from lab.faults import report
from lab.faults.applications import APPLICATIONS, shape_of
from lab.faults.field import Field
from lab.faults.installed.installation import Installation
from lab.faults.judged.deliveries import Deliveries
from lab.faults.judged.evidence import Violation
from lab.faults.judged.observer import Observer
from lab.faults.judged.outcomes import Runs
from lab.faults.judged.timeline import clock, timeline
from lab.faults.plan import APPS, APPS_BY_DEFAULT, KINDS, WHOLE_LAB, Plan, draw
from lab.faults.play import Result, Stage
from lab.faults.space import Space
from lab.faults.striking.hands import Hands
from lab.faults.striking.inject import Injector
from lab.faults.striking.whole_lab import strike
from lab.machine import hardware
from lab.paths import CHECKOUT, LabPaths
from lab.progress import say

KINDS_WITHIN_S = 30.0
PRINTED_TIMELINES = 3


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m lab.faults", description="rollouts hit by seeded faults")
    parser.add_argument("--seed", type=int, default=None, help="of the plans; chosen and printed where it is not given")
    parser.add_argument("--cases", type=int, default=500, help="releases that a fault has hit, at least")
    parser.add_argument("--minutes", type=float, default=0, help="begin no round after this long; 0: no limit")
    parser.add_argument("--only", choices=KINDS, default="", help=f"one kind of fault; {', '.join(WHOLE_LAB)} only so")
    parser.add_argument(
        "--replay", default="", help="play rounds again: SEED/ROUND or a plan's file, or several with commas"
    )
    parser.add_argument("--apps", type=int, default=APPS_BY_DEFAULT, help="applications at once")
    parser.add_argument(
        "--applications",
        type=_shapes,
        default=tuple(APPLICATIONS),
        help=f"their shapes, several with commas: {', '.join(APPLICATIONS)}; all of them by default, drawn by the seed",
    )
    parser.add_argument("--of", type=Path, default=CHECKOUT, help="the checkout whose sluice is tested")
    parser.add_argument("--out", type=Path, default=LabPaths().home / "faults.json", help="the results' file")
    return parser.parse_args(arguments)


def _shapes(which: str) -> tuple[str, ...]:
    unknown = [name for name in which.split(",") if name not in APPLICATIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(APPLICATIONS)}")
    return tuple(which.split(","))


def plans(asked: argparse.Namespace) -> list[Plan] | None:
    """The plans to replay; None where rounds are to be drawn."""
    if not asked.replay:
        return None
    return [_plan(one, asked) for one in asked.replay.split(",")]


def _plan(which: str, asked: argparse.Namespace) -> Plan:
    if Path(which).is_file():
        return Plan.from_json(json.loads(Path(which).read_text()))
    seed, _, number = which.partition("/")
    return draw(int(seed), int(number), APPS[: asked.apps], asked.only, asked.applications)


def standing(asked: argparse.Namespace, again: list[Plan] | None, seed: int) -> dict[str, str]:
    """The applications that are there before the first round, with their shapes.

    Raises:
        LabError: two plans want one application in two shapes.
    """
    if not again:
        return {app: shape_of(seed, app, asked.applications) for app in APPS[: asked.apps]}
    found: dict[str, str] = {}
    for release in (release for plan in again for release in plan.releases if release.story != "first"):
        if found.setdefault(release.app, release.shape) != release.shape:
            raise LabError(f"--replay: {release.app} has two shapes in these plans; play them one after the other")
    return dict(sorted(found.items()))


@contextlib.asynccontextmanager
async def staged(
    env: dict[str, object], folder: Path, seed: int, shapes: dict[str, str], among: Sequence[str], checkout: Path
) -> AsyncIterator[Stage]:
    """The stage with its applications initialised and used, for the duration of the block."""
    first = f"faults-{uuid4().hex[:6]}"
    twins = {app: shape for app, shape in shapes.items() if APPLICATIONS[shape].twin}
    made = {first: shapes, **({f"{first}-twin": twins} if any(APPLICATIONS[name].twin for name in among) else {})}
    access = Access.of(Path(str(env["kubeconfig"])))
    injector = Injector(strike)
    async with Api(access) as api, contextlib.AsyncExitStack() as stack:
        installation = Installation(env, folder / "home", tuple(made), str(seed), injector, checkout)
        spaces = tuple(_space(api, namespace, env, folder, installation.api) for namespace in made)
        injector.installation, injector.spaces = installation, {space.namespace: space for space in spaces}
        for kind in await asyncio.to_thread(installation.kinds):
            await api.apply(kind)
            await api.wait_for(path_of(kind), "Established", KINDS_WITHIN_S)
        for space, apps in zip(spaces, made.values(), strict=True):
            stack.push_async_callback(space.field.stop)
            await space.prepare(apps)
            await stack.enter_async_context(space.observer.watching())
        await stack.enter_async_context(installation.running())
        for space, apps in zip(spaces, made.values(), strict=True):
            await space.open(apps)
        runs = Runs(installation.api)
        yield Stage(spaces, installation, injector, runs, Deliveries(runs))


def _space(api: Api, namespace: str, env: dict[str, object], folder: Path, prefect: str) -> Space:
    logs = folder / namespace
    logs.mkdir()
    return Space(Field(api, namespace, env, logs), Observer(api, namespace), Hands(api, namespace, prefect))


async def run(asked: argparse.Namespace) -> int:
    """All rounds; the results' file is written after each of them."""
    env = environment.read(LabPaths())
    if not env:
        raise LabError("there is no lab: `make lab` starts it")
    again = plans(asked)
    seed = again[0].seed if again else asked.seed if asked.seed is not None else random.randrange(10**6)
    folder = LabPaths().home / f"faults-{seed}-{uuid4().hex[:4]}"
    shapes = standing(asked, again, seed)
    folder.mkdir(parents=True)
    say(f"seed {seed}; logs and plans: {folder}")
    began, load = time.time(), hardware.load_average()
    results: list[Result] = []
    async with staged(env, folder, seed, shapes, asked.applications, asked.of) as stage:
        number = 0
        while again is None or number < len(again):
            plan = again[number] if again else draw(seed, number, tuple(shapes), asked.only, asked.applications)
            number += 1
            (folder / f"plan-{plan.number}.json").write_text(json.dumps(plan.as_json(), indent=1))
            result = await stage.play(plan)
            results.append(result)
            say(report.line(result))
            report_round(stage, result, folder)
            report.write(asked.out, report.document(results, seed, began, load))
            enough = sum(len(one.hit) for one in results) >= asked.cases
            late = asked.minutes and time.time() - began > asked.minutes * 60
            if again is None and (enough or late):
                break
        last = await stage.deliveries.all()
        unstored = sorted(stage.deliveries.unstored)
        say(f"accepted and gone with a killed server: {', '.join(unstored) or 'no push'}")
        results[-1].violations += last
        tell_all(last)
    report.write(asked.out, report.document(results, seed, began, load))
    return conclude(results, seed, asked)


def report_round(stage: Stage, result: Result, folder: Path) -> None:
    """Tell the broken laws of a round; the timelines go to files, and the first ones to the terminal too."""
    writes = [write for proxy in stage.installation.proxies.values() for write in proxy.writes]
    for case in result.cases:
        mine = [one for one in result.violations if (one.namespace or case.namespace, one.canary) == case.key]
        if not mine:
            continue
        lines = [f"{one.law}: {one.said}" for one in mine]
        lines += timeline(stage.of(case).history, writes, stage.injector.log, case)
        file = folder / f"broken-{result.plan.number}-{case.title}.txt"
        file.write_text("\n".join(lines) + "\n")
        say(f"  {case.title}: {mine[0].law}: {mine[0].said} (timeline: {file})")
    log = [f"{clock(at)} {said}" for at, said in sorted(stage.injector.log)]
    (folder / f"faults-{result.plan.number}.txt").write_text("\n".join(log) + "\n")
    tell_all(one for one in result.violations if not one.canary)


def tell_all(violations: Iterable[Violation]) -> None:
    """One line each."""
    for one in violations:
        say(f"  {one.law}: {one.said}")


def conclude(results: list[Result], seed: int, asked: argparse.Namespace) -> int:
    """The last words, and the exit status."""
    cases = sum(len(result.hit) for result in results)
    broken = [violation for result in results for violation in result.violations]
    for line in report.table([case for result in results for case in result.hit]):
        say(f"  {line}")
    say(f"{cases} cases in {len(results)} rounds, {len(broken)} laws broken; seed {seed}; all of it: {asked.out}")
    for result in results:
        if result.violations:
            which = f"--apps {asked.apps} --applications {','.join(asked.applications)}"
            say(f"again: python -m lab.faults --replay {result.plan.seed}/{result.plan.number} {which}")
    return 1 if broken else 0


def main() -> int:
    asked = parse()
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        return asyncio.run(run(asked))
    except LabError as error:
        say(f"the fault suite failed: {error}")
        return 2
    except KeyboardInterrupt:
        say("stopped")
        return 130


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
