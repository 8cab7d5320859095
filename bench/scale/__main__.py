"""`python -m bench.scale --n 1,10,100 --backend postgres --workers 1`: a table, and `.lab/bench-scale.json`.

It needs the lab (`make lab`) and starts everything else. All it made is taken away at its end, also on Ctrl-C; what a
bench that was killed left in the cluster is taken away by the next one, its processes by `make lab-down`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import fcntl
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from bench.scale import cluster, report, services
from bench.scale.load import Load
from bench.scale.product import Product
from bench.scale.run import Run
from bench.scale.services import Services
from lab.api.access import Access
from lab.api.client import AT_ONCE, Api
from lab.errors import LabError
from lab.machine import hardware
from lab.paths import CHECKOUT, LabPaths
from lab.product.sluice import kinds
from lab.progress import console, say

CALL_S = 60.0
CONNECTIONS = AT_ONCE + 8
PODS_PER_CANARY = 4
"""Primary and canary, and one more of each while it is replaced; times the replicas."""


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.scale", description="many rollouts at once")
    parser.add_argument("--n", default="1,10,100", help="how many Canaries; one run for each number")
    parser.add_argument("--backend", choices=("postgres", "sqlite"), default="postgres")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    parser.add_argument("--routes", choices=("contour", "accept"), default="contour", help="who accepts the routes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stagger", type=float, default=10.0, help="seconds over which the releases are spread")
    parser.add_argument("--per-minute", type=float, default=0.0, help="releases a minute, in place of a burst")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long that is kept up")
    parser.add_argument("--step", type=float, default=10.0, help="seconds of a step")
    parser.add_argument("--step-weight", type=int, default=10)
    parser.add_argument("--bad", type=float, default=0.05, help="share of the releases that are bad")
    parser.add_argument(
        "--profile", action="store_true", help="sample the stacks of sluice's processes and of the server"
    )
    parser.add_argument("--source", type=Path, default=CHECKOUT, help="the sluice that is measured")
    parser.add_argument("--out", type=Path, default=LabPaths().home / "bench-scale.json")
    return parser.parse_args()


def load_of(asked: argparse.Namespace, n: int) -> Load:
    """What the command line asks for."""
    return Load(
        n=n,
        seed=asked.seed,
        stagger_s=asked.stagger,
        per_minute=asked.per_minute,
        minutes=asked.minutes,
        step_s=asked.step,
        step_weight=asked.step_weight,
        bad_share=asked.bad,
        routes=asked.routes,
    )


@contextlib.contextmanager
def only_bench(home: Path) -> Iterator[None]:
    """Keep a second one off: each takes away what it finds of another.

    Raises:
        LabError: one is running.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as held:
            raise LabError("another scale bench runs on this lab: wait for it, or end it") from held
        yield


async def bench(asked: argparse.Namespace, document: dict[str, Any]) -> None:
    """Start everything, do all runs, take everything away."""
    places = LabPaths()
    home = places.data / "bench-scale"
    access = Access.of(places.kubeconfig)
    identity = f"bench-{uuid4().hex[:6]}"
    loads = [load_of(asked, int(n)) for n in asked.n.split(",")]
    with only_bench(home), contextlib.ExitStack() as ending:
        async with Api(access, call_s=CALL_S, connections=CONNECTIONS) as api:
            try:
                await cluster.remove_all(api)
                started = Services(places, home, ending)
                gateway = await prepare(api, access, started, loads, identity, home, asked.backend)
                sluice = Product(
                    *(started, home / "sluice", asked.source.resolve(), home / "kubeconfig"), profile=asked.profile
                )
                sluice.start_server(asked.backend)
                for load in loads:
                    say(f"N = {load.n}, {asked.backend}, {asked.workers} worker(s), routes by {load.routes}")
                    run = Run(
                        *(load, api, started, sluice, places, home, identity, f"{identity}-n{load.n}", gateway),
                        workers=asked.workers,
                    )
                    found = await run.measure()
                    about = {"backend": asked.backend, "workers": asked.workers, "load": dataclasses.asdict(load)}
                    document["runs"].append(about | found)
                    report.write(asked.out, document)
            finally:
                await cluster.remove_all(api)


async def prepare(
    api: Api, access: Access, started: Services, loads: list[Load], identity: str, home: Path, backend: str
) -> tuple[str, str]:
    """Everything that all runs share; returns namespace and name of the Gateway."""
    await cluster.install_kinds(api, yaml.safe_load_all(kinds()))
    await cluster.make_identity(api, access, identity, home / "kubeconfig")
    gateway = (identity, "bench") if loads[0].routes == "accept" else services.CONTOUR_GATEWAY
    if gateway != services.CONTOUR_GATEWAY:
        await cluster.make_gateway(api, identity)
    started.start_nodes()
    await services.make_nodes(api, PODS_PER_CANARY * max(load.n * load.replicas for load in loads))
    started.start_traffic(loads[0], f"{identity}-n", gateway)
    if backend == "postgres":
        started.start_databases()
    return gateway


def main() -> int:
    """Run the bench; an error is a sentence."""
    asked = options()
    signal.signal(signal.SIGTERM, _as_interrupt)
    about = hardware.describe() | {"load_average_start": hardware.load_average()}
    document: dict[str, Any] = {"machine": about, "command": sys.argv[1:], "runs": []}
    try:
        return asyncio.run(until_the_end(asked, document))
    except KeyboardInterrupt:
        say("stopped")
        return 130
    finally:
        if document["runs"]:
            report.show(document["runs"], console)
            say(f"written to {asked.out}")


async def until_the_end(asked: argparse.Namespace, document: dict[str, Any]) -> int:
    """The bench, with what failed in it as a sentence each."""
    failed: list[str] = []
    try:
        await bench(asked, document)
    except* LabError as errors:
        failed += [str(error) for error in errors.exceptions]
    for each in failed:
        say(f"the scale bench failed: {each}")
    return 1 if failed else 0


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
