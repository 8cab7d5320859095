"""Traffic to both sides of a release, block by block, and the judge that watches it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import sqrt

from sluice.judge.judgement import Finding, Judgement
from sluice.judge.policy import DEFAULT, RECENT, Policy
from sluice.judge.sequential import Look, findings, judge
from sluice.judge.state import JudgeState, MetricState
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective
from tests.samples import duration, success_rate

SUCCESS = Objective.of(CanaryMetric.model_validate(success_rate(99)))
DURATION = Objective.of(CanaryMetric.model_validate(duration(500)))
PERIOD = 2.0
Block = tuple[int, int, int, int]
"""Requests and bad ones of the canary, and of the primary, between two scrapes."""


def binomial(dice: random.Random, n: int, p: float) -> int:
    return sum(dice.random() < p for _ in range(n)) if 0 < p < 1 else round(n * p)


@dataclass
class Watch:
    """A judge who looks after each scrape, two seconds apart.

    Attributes:
        weight: the canary's share of the traffic, percent.
        remembers: whether "right now" is shown to it next to the counts.
    """

    policy: Policy = DEFAULT
    objectives: tuple[Objective, ...] = (SUCCESS,)
    weight: int | None = 10
    remembers: bool = True
    step_started: float = 0.0

    def __post_init__(self) -> None:
        self.state = JudgeState(revision="r1", since=0.0)
        self.now = 0.0
        self.history: dict[str, list[tuple[float, Sides]]] = {}

    def see(self, *blocks: Block) -> Judgement:
        """Look after a scrape with one block for each metric; the last block is that of all further ones."""
        self.now += PERIOD
        scrapes, recent = {}, {}
        for number, objective in enumerate(self.objectives):
            n, f, m, g = blocks[min(number, len(blocks) - 1)]
            history = self.history.setdefault(objective.metric.name, [(0.0, Sides())])
            last = history[-1][1]
            sides = Sides(_more(last.canary, n, f), _more(last.primary, m, g))
            history.append((self.now, sides))
            scrapes[objective.metric.name] = [(self.now, sides)]
            before = [one for at, one in history if at <= self.now - RECENT][-1:] or [Sides()]
            recent[objective.metric.name] = sides.since(before[0])
        return self.look(Look(self.now, self.now, self.weight, self.step_started, scrapes, recent))

    def blind(self, seconds: float) -> Judgement:
        """Look after that time without a new sample."""
        newest, self.now = self.state.newest, self.now + seconds
        recent = {name: one.recent for name, one in self.state.metrics.items() if one.recent}
        return self.look(Look(self.now, newest, self.weight, self.step_started, {}, recent))

    def look(self, look: Look) -> Judgement:
        look = look if self.remembers else replace(look, recent={})
        self.state, judgement = judge(self.state, self.objectives, look, self.policy)
        return judgement

    def findings(self) -> tuple[Finding, ...]:
        return findings(self.state, self.objectives, self.policy)

    def all(self, blocks: Iterable[Block]) -> Iterator[Judgement]:
        return (self.see(block) for block in blocks)

    def until(self, verdict: Verdict, block: Block, most: int = 400) -> int:
        """How many blocks like this one it takes until that verdict; `most` and one more where it does not come."""
        for number in range(1, most + 1):
            if self.see(block).verdict is verdict:
                return number
        return most + 1


def at_most(events: int, trials: int, rate: float) -> bool:
    """Whether so many events are to be expected where each trial has at most that rate: three standard deviations."""
    return events <= trials * rate + 3 * sqrt(trials * rate * (1 - rate))


def fails(watch: Watch, blocks: list[Block]) -> bool:
    return any(judgement.verdict is Verdict.FAIL for judgement in watch.all(blocks))


def _more(counts: Counts, requests: int, bad: int) -> Counts:
    return Counts(counts.requests + requests, counts.bad + bad)


def with_counts(
    state: JudgeState,
    objective: Objective,
    counts: Counts,
    primary: Counts | None = None,
    at: float | None = None,
    policy: Policy = DEFAULT,
) -> JudgeState:
    """The state after a scrape of one metric; see `MetricState.after`."""
    name = objective.metric.name
    before = state.metrics.get(name) or MetricState.of(objective, policy)
    return state.model_copy(update={"metrics": {**state.metrics, name: before.after(counts, primary, at, policy)}})
