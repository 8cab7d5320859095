"""Whether what failed a revision is over since its flags were turned off: a fresh test of the requests since that moment.

The null hypothesis is that a metric goes on as before: that its bad share is still at least `as_before`, which lies half-way
(geometrically) between what the objective allows and what was counted when the judge said bad. `Assurance` is the e-process
against it. It begins at the switch, and once more after each block that still fails like that: an application evaluates a
flag as it was until its cache is renewed, and nobody knows when that is. The n-th beginning has to reach n(n+1) times the
odds of one test: the bounds of all of them add up to `beta`, however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from math import log, sqrt

from sluice.judge.bets.assurance import Assurance
from sluice.judge.policy import BLOCK, BLOCK_SLACK, LEAST_BAD, Policy
from sluice.judge.sentences import odds
from sluice.judge.state import JudgeState
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective

LEAST_ALLOWED = 1e-4
"""What an objective of 100 % is taken to allow: no number of requests proves that none would be bad."""


class Course(StrEnum):
    """What can be said of a recovery."""

    OPEN = "open"
    """Not enough is known yet."""
    RECOVERED = "recovered"
    """Every metric that failed keeps its objective since, and does not go on as before."""
    HOPELESS = "hopeless"
    """It still fails, and what is left of the time is too short to show anything else."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A metric that broke its objective when the judge said bad.

    Attributes:
        allowed: the bad fraction that its objective allows.
        before: what was counted by then.
    """

    metric: str
    allowed: float
    before: Counts

    @property
    def as_before(self) -> float:
        """The bad share from which on it goes on as before."""
        allowed = max(self.allowed, LEAST_ALLOWED)
        return sqrt(allowed * max(self.before.bad / max(self.before.requests, 1), allowed))


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one metric has shown since it last failed as before, or since the switch.

    Attributes:
        since: when that stretch began, seconds since the epoch.
        beginnings: which one it is.
        shown: its requests.
    """

    failing: Failing
    since: float
    beginnings: int = 1
    shown: Assurance = field(default_factory=Assurance)

    def evidence(self, policy: Policy) -> float:
        """Natural logarithm of the evidence that it does not go on as before."""
        return self.shown.log_wealth(self.failing.as_before, policy.design_effect)

    def needed(self, policy: Policy) -> float:
        """Natural logarithm of the evidence that this beginning needs."""
        return policy.pass_at + log(self.beginnings * (self.beginnings + 1))

    def recovered(self, policy: Policy) -> bool:
        """Whether it keeps its objective since, by enough requests; two odd ones prove nothing, as for the judge."""
        most = max(LEAST_BAD - 1, int(self.failing.allowed * self.shown.requests))
        enough = self.shown.blocks >= policy.least_blocks and self.evidence(policy) >= self.needed(policy)
        return enough and self.shown.bad <= most

    def said(self, policy: Policy) -> str:
        """What people read of it."""
        before, now = self.failing.before, self.shown
        proof = f"odds {odds(self.evidence(policy))} against going on as before, {odds(self.needed(policy))} needed"
        return (
            f"{self.failing.metric} {now.bad} of {now.requests} requests bad since, {before.bad} of {before.requests} "
            f"before ({proof})"
        )


@dataclass(frozen=True, slots=True)
class Recovery:
    """What can be said at one moment.

    Attributes:
        since: from when on everything that failed has kept its objective.
        said: the numbers, for people.
    """

    course: Course
    since: float
    said: str


def failing_of(state: JudgeState, objectives: Sequence[Objective]) -> dict[str, Counts]:
    """The counted metrics that have more bad requests than their objective allows, by what the judge remembers."""
    known = {one.metric.name: (one, state.metrics.get(one.metric.name)) for one in objectives if not one.gauge}
    return {
        name: metric.seen
        for name, (objective, metric) in known.items()
        if metric is not None and metric.seen.bad > objective.allowed * metric.seen.requests
    }


def stretch(failing: Failing, since: float, moments: Sequence[tuple[float, Sides]]) -> Stretch:
    """What a metric has shown by its scrapes since the switch, oldest first, each with the counts since then."""
    now, last, at_last = Stretch(failing, since), Counts(), since
    for at, sides in moments:
        block = sides.canary.since(last)
        if at - at_last < BLOCK * BLOCK_SLACK or not block.requests:
            continue
        if block.bad >= failing.as_before * block.requests:
            now = Stretch(failing, at, now.beginnings + 1)
        else:
            now = replace(now, shown=now.shown.add(block.requests, block.at_worst))
        last, at_last = sides.canary, at
    return now


def recovery(
    failing: Sequence[Failing],
    moments: Mapping[str, Sequence[tuple[float, Sides]]],
    since: float,
    left: float,
    policy: Policy,
) -> Recovery:
    """What can be said of all metrics that failed.

    Args:
        failing: what failed by counted requests; empty where only queries of the user's own did.
        moments: by metric, the scrapes since the switch.
        since: when the flags were off.
        left: seconds that are left.
    """
    found = [stretch(one, since, moments.get(one.metric, ())) for one in failing]
    said = "; ".join(one.said(policy) for one in found)
    begun = max((one.since for one in found), default=since)
    if all(one.recovered(policy) for one in found):
        return Recovery(Course.RECOVERED, begun, said)
    block = max(BLOCK, policy.scrape_period)
    lacking = max((policy.least_blocks - one.shown.blocks) * block for one in found if not one.recovered(policy))
    failed_again = any(one.beginnings > 1 for one in found)
    hopeless = left <= 0 or (failed_again and left < lacking - block * BLOCK_SLACK)
    return Recovery(Course.HOPELESS if hopeless else Course.OPEN, begun, said)
