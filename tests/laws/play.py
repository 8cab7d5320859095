"""Random lives by a seed, for as long as one likes: `python -m tests.laws.play --seed 7 --lives 2000`, or `make lives`.

`make soak` plays lives that hypothesis draws. This draws by a plain seed, which costs nothing next to a life, goes on after
a life that breaks a law, and prints each of those with as little in it as still breaks it; `--only 7/1234` plays one.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from dataclasses import dataclass, field, replace
from random import Random

from tests.laws.events import EVENTS
from tests.laws.life import Life
from tests.laws.people import PEOPLE
from tests.laws.process import lived
from tests.laws.world import SHAPES

HAPPENS = [*PEOPLE, *EVENTS]
MOST_EVENTS, LAST_MOMENT, MOST_ANSWERS = 8, 160, 20
ANSWERS = ["good", "good", "good", "bad", "open", "open", "closed", "heard", "deaf"]


@dataclass(frozen=True)
class Plan:
    """What a life is made of."""

    provider: str
    kind: str
    autoscaled: bool
    plan: dict[int, str] = field(default_factory=dict)
    answers: tuple[str, ...] = ()

    @classmethod
    def drawn(cls, seed: int, number: int) -> Plan:
        """One of the lives of a seed."""
        dice = Random(f"{seed}/{number}")
        provider, kind = dice.choice(SHAPES)
        near = dice.randint(3, LAST_MOMENT)
        moments = [
            # Half of what happens comes close together, where it meets what was not written yet.
            dice.randint(3, LAST_MOMENT) if dice.random() < 0.5 else near + dice.randint(0, 12)
            for _ in range(dice.randint(1, MOST_EVENTS))
        ]
        plan = {moment: dice.choice(HAPPENS) for moment in moments}
        answers = tuple(dice.choice(ANSWERS) for _ in range(dice.randint(0, MOST_ANSWERS)))
        return cls(provider, kind, kind == "Deployment" and dice.random() < 0.3, plan, answers)

    def broken(self) -> str:
        """Which law it breaks; empty where none."""
        try:
            lived(Life(self.provider, self.kind, self.autoscaled, dict(self.plan), list(self.answers)))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def least(self) -> Plan:
        """The same with as little in it as still breaks a law."""
        now, smaller = self, True
        while smaller:
            smaller = False
            for less in now._lesser():
                if less.broken():
                    now, smaller = less, True
                    break
        return now

    def _lesser(self) -> list[Plan]:
        plans = [{key: event for key, event in self.plan.items() if key != left} for left in self.plan]
        answers = [self.answers[:index] + self.answers[index + 1 :] for index in range(len(self.answers))]
        plain = [replace(self, autoscaled=False)] if self.autoscaled else []
        return [*(replace(self, plan=one) for one in plans), *plain, *(replace(self, answers=one) for one in answers)]


def main(argv: list[str] | None = None) -> int:
    """Play lives; returns how many broke a law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lives", type=int, default=1000)
    parser.add_argument("--only", help="one life: seed/number")
    asked = parser.parse_args(argv)
    logging.disable(logging.WARNING)
    seed, first = (int(part) for part in asked.only.split("/")) if asked.only else (asked.seed, 0)
    last = first + 1 if asked.only else asked.lives
    began, broken = time.process_time(), 0
    for number in range(first, last):
        plan = Plan.drawn(seed, number)
        if plan.broken():
            broken += 1
            least = plan.least()
            print(f"{seed}/{number} {least}\n    {least.broken()}", flush=True)
    spent = (time.process_time() - began) / max(last - first, 1)
    print(f"{last - first} lives of seed {seed}, {broken} broke a law, {1000 * spent:.0f} ms of CPU each", flush=True)
    return broken


if __name__ == "__main__":
    sys.exit(min(main(), 1))
