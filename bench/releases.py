"""`python -m bench.releases`: what releases, and a route that somebody deletes, cost users of one application under load.

One release after the other, by pushes, as `make demo` does it, but often enough for a median. Each row is written to
`.lab/bench-releases.json` when it ends, with machine and load.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from bench.asked import timed
from lab.api.paths import path
from lab.demo.alone import only_demo
from lab.load.summary import between
from lab.machine import hardware
from lab.paths import LabPaths
from lab.product.application import NAME, NAMESPACE
from lab.product.deliveries import Measurements, Release
from lab.product.measure import PROMOTED, ROLLED_BACK
from lab.product.setup import set_up
from lab.progress import console

QUIET_S = 5.0
"""After the route is deleted: what users lose by it, they lose within this."""
Figures = dict[str, Any]


def bad(measured: Measurements, minors: Iterator[int], times: int) -> Figures:
    """Releases that fail half of the requests: how long users had them, and what they lost."""
    done = [measured.deliver(Release(next(minors), "fail:50", "fails 50 %", ROLLED_BACK)) for _ in range(times)]
    return {
        "verdicts": [one["verdict"] for one in done],
        "bad traffic, s": _spread([one["bad_traffic_s"] for one in done]),
        "failed requests": _spread([float(one["failed_requests"]) for one in done]),
    }


def good(measured: Measurements, minors: Iterator[int], times: int) -> Figures:
    """Good releases: until the first user has one, what they take beyond their holds, and what users lost."""
    done = [measured.deliver(Release(next(minors), "good", "good", PROMOTED)) for _ in range(times)]
    return {
        "verdicts": [one["verdict"] for one in done],
        "push -> first traffic, s": _spread([one["push_to_first_traffic_s"] or 0.0 for one in done]),
        "beyond its holds, s": _spread([one["push_to_end_s"] - one["step_holds_s"] for one in done]),
        "failed requests": _spread([float(one["failed_requests"]) for one in done]),
    }


def changed(measured: Measurements, _minors: Iterator[int], times: int) -> Figures:
    """An image that is set by hand: until the first user has it."""
    done = [measured.change_target() for _ in range(times)]
    stages = [one["stages"] for one in done]
    return {
        "target changed -> first pod ready, s": _spread([one["first_pod_ready_s"] or 0.0 for one in stages]),
        "target changed -> first weight, s": _spread([_first_weight(one["weights"]) for one in stages]),
        "target changed -> first traffic, s": _spread([one["changed_to_first_traffic_s"] for one in done]),
    }


def _first_weight(weights: list[list[float]]) -> float:
    return next((at for at, weight in weights if weight), 0.0)


def route(measured: Measurements, _minors: Iterator[int], times: int) -> Figures:
    """The route is deleted under load: from the first answer that users miss to the last one."""
    lost, missed = [], []
    for _ in range(times):
        measured.cluster.remove(path("httproutes", NAMESPACE, NAME))
        deleted = time.time()
        time.sleep(QUIET_S)
        failed = [one for one in between(measured.users.read(), deleted - 1, deleted + QUIET_S) if _is_lost(one)]
        missed.append(float(len(failed)))
        lost.append(round(failed[-1].answered - failed[0].t, 2) if failed else 0.0)
    return {"out of reach, s": _spread(lost), "requests without the application": _spread(missed)}


def asked(measured: Measurements, minors: Iterator[int], times: int) -> Figures:
    """What people ask by a record: until users have what was approved, and until none meets any more what was aborted."""
    found = timed(measured, minors, times)
    return {
        "approved -> first traffic, s": _spread(found.approved),
        "aborted -> last traffic, s": _spread(found.aborted),
    }


def _is_lost(request: Any) -> bool:
    """Without a route the gateway answers by itself, with 404."""
    return bool(request.failed) or not request.version


ROWS: dict[str, tuple[Callable[[Measurements, Iterator[int], int], Figures], int]] = {
    "bad": (bad, 10),
    "changed": (changed, 5),
    "route": (route, 5),
    "asked": (asked, 5),
    "good": (good, 3),
}
"""What is measured, and how often."""


def measure(asked: list[str]) -> Figures:
    """All rows that are asked for; each is written when it is done."""
    places, about = LabPaths(), dict[str, Any]()
    found: Figures = {"machine": about}
    with contextlib.ExitStack() as ending:
        ending.enter_context(only_demo(places))
        measured, minors = set_up(places, about, ending), count(1)
        for name in asked:
            row, times = ROWS[name]
            load = hardware.load_average()
            found[name] = {**row(measured, minors, times), "n": times, "load average": [load, hardware.load_average()]}
            (places.home / "bench-releases.json").write_text(json.dumps(found, indent=2) + "\n")
            console.print(f"{name:<8} {found[name]}", soft_wrap=True)
    return found


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 2),
        "median": round(statistics.median(values), 2),
        "max": round(max(values), 2),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.releases", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", default=",".join(ROWS), help="which, by commas: " + ", ".join(ROWS))
    asked = [name.strip() for name in parser.parse_args().rows.split(",")]
    unknown = [name for name in asked if name not in ROWS]
    if unknown:
        parser.error(f"--rows: there is no {', '.join(unknown)}; there are {', '.join(ROWS)}")
    measure(asked)


if __name__ == "__main__":
    main()
