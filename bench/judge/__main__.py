"""`python -m bench.judge`: simulated releases, then real ones on the lab.

Shows tables, and writes `.lab/bench-judge.json` with machine, load, seed and sizes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from bench.judge import cost, live, measure, report, rows
from bench.judge.judges.candidates import CANDIDATES
from bench.judge.judges.sluices import RULES, Rule
from bench.judge.measure import Sizes
from lab.machine import hardware
from lab.paths import LabPaths
from lab.progress import Steps, console, say

QUICK = 1000


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.judge", description="the judge and its peers on simulated releases")
    parser.add_argument("--releases", type=int, default=20_000, help="simulated releases of each row")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} releases a row")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=0.001, help="error budget of a release")
    parser.add_argument("--rules", default=",".join(RULES), help=f"of {', '.join((*RULES, *CANDIDATES))}")
    parser.add_argument("--candidates", action="store_true", help="also the rules that are not in the product")
    parser.add_argument("--table", choices=("all", "false", "speed", "live"), default="all")
    parser.add_argument("--live", type=int, default=5, help="releases of each kind on the lab")
    parser.add_argument("--rows", default="", help="only rows whose title has this in it")
    parser.add_argument("--out", type=Path, default=LabPaths().home / "bench-judge.json")
    return parser.parse_args()


def bench(asked: argparse.Namespace, document: dict[str, Any]) -> None:
    """Fill the document, row by row."""
    sizes = Sizes(QUICK if asked.quick else asked.releases, asked.seed, asked.alpha)
    names = [*asked.rules.split(","), *(CANDIDATES if asked.candidates else ())]
    chosen: dict[str, Rule] = {name: (RULES | CANDIDATES)[name] for name in names}
    false = {title: row for title, row in rows.FALSE.items() if asked.table in {"all", "false"} and asked.rows in title}
    speed = {title: row for title, row in rows.SPEED.items() if asked.table in {"all", "speed"} and asked.rows in title}
    known: dict[object, Any] = {}
    with Steps("judging simulated releases", len(false) + len(speed), "rows") as steps:
        for title, scenario in false.items():
            document["false_rollbacks"][title] = measure.false_alarms(scenario, chosen, sizes)
            report.write(asked.out, document)
            steps.done()
        for title, scenario in speed.items():
            good = rows.as_good(scenario)
            if good not in known:
                known[good] = measure.tune(scenario, sizes)
            document["seconds_to_rollback"][title] = measure.seconds_to_rollback(scenario, chosen, sizes, known[good])
            report.write(asked.out, document)
            steps.done()
    document["verdict_us"] = cost.measure(sizes.alpha)
    if asked.table in {"all", "live"} and asked.live:
        document["live"] = live.measure(asked.live, document["machine"])


def main() -> int:
    """Run the bench; what was measured until Ctrl-C is shown and written."""
    asked = options()
    about: dict[str, Any] = hardware.describe() | {"load_average_start": hardware.load_average()}
    document: dict[str, Any] = {
        "machine": about,
        "settings": {
            "releases": QUICK if asked.quick else asked.releases,
            "seed": asked.seed,
            "alpha": asked.alpha,
        },
        "false_rollbacks": {},
        "seconds_to_rollback": {},
    }
    began = time.monotonic()
    try:
        bench(asked, document)
    except KeyboardInterrupt:
        say("stopped")
        return 130
    finally:
        about |= {"load_average_end": hardware.load_average(), "took_s": round(time.monotonic() - began, 1)}
        report.show(document, console)
        report.write(asked.out, document)
        say(f"written to {asked.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
