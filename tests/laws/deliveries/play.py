"""Random lives of deliveries: `python -m tests.laws.deliveries.play --seed 7 --lives 2000`, or `--only 7/1234`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.laws.deliveries.life import BrokenError, lived


def main(argv: list[str] | None = None) -> int:
    """Play lives; returns how many broke a law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lives", type=int, default=1000)
    parser.add_argument("--only", help="one life: seed/number")
    asked = parser.parse_args(argv)
    seeds = [asked.only] if asked.only else [f"{asked.seed}/{number}" for number in range(asked.lives)]
    began, broken = time.process_time(), 0
    for seed in seeds:
        try:
            lived(seed)
        except BrokenError as law:
            broken += 1
            print(law, flush=True)
    spent = 1000 * (time.process_time() - began) / max(len(seeds), 1)
    print(f"{len(seeds)} lives of seed {asked.seed}, {broken} broke a law, {spent:.0f} ms of CPU each", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(min(main(), 1))
