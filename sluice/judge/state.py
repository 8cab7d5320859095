"""What the judge remembers of one release, and how a scrape changes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import log

from pydantic import BaseModel, ConfigDict

from sluice.judge.bets.against_primary import Control
from sluice.judge.bets.assurance import Assurance
from sluice.judge.bets.blocks import Evidence
from sluice.judge.bets.single import RequestEvidence
from sluice.judge.policy import BLOCK, BLOCK_SLACK, FIRST_BLOCK, Policy
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective

ON_BLOCKS = 0.2
"""Part of a metric's wealth that bets on blocks; the rest bets on single requests. Blocks prove that half of the requests
fail, requests a small excess. Times the tier of `policy.py` it is more than 1: where the primary is the control,
what blocks alone say counts in full."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The last look at which the canary was known to answer.

    Attributes:
        at: when, seconds since the epoch.
        canary, primary: requests of each side by then.
    """

    at: float
    canary: int
    primary: int


@dataclass(frozen=True, slots=True)
class MetricState:
    """What the judge remembers of one metric.

    Attributes:
        seen: the canary's requests that are in the evidence.
        evidence: bets on blocks against the objective being kept; of the even blocks only, where there is `odd`.
        odd: of the odd blocks, where they are bet on apart.
        single: bets on single requests; None where blocks alone are bet on.
        primary: the primary's requests that were the control or passed over; None where they were never counted.
        control: evidence that the canary is worse than the primary.
        assurance: evidence of this step for the objective being kept.
        recent: both sides over the last minute; None where it is not known.
        at: time of the scrape that ended the last block, seconds since the epoch.
        taken: time of the last scrape that was looked at.
        gauge: whether its counts are looks at a gauge, and no requests.
    """

    evidence: Evidence
    seen: Counts = field(default_factory=Counts)
    odd: Evidence | None = None
    primary: Counts | None = None
    control: Control = field(default_factory=Control)
    assurance: Assurance = field(default_factory=Assurance)
    recent: Sides | None = None
    at: float = 0.0
    taken: float = 0.0
    single: RequestEvidence | None = None
    gauge: bool = False

    @classmethod
    def of(cls, objective: Objective, policy: Policy) -> MetricState:
        """No counts yet, of either side."""
        fresh = Evidence.against(objective.allowed)
        if objective.gauge:
            return cls(evidence=fresh, primary=Counts(), gauge=True)
        if policy.interleave:
            return cls(evidence=fresh, odd=fresh, primary=Counts())
        return cls(evidence=fresh, primary=Counts(), single=RequestEvidence(fresh.allowed))

    @property
    def on_blocks(self) -> float:
        """Logarithm of the evidence of blocks alone against the objective being kept; of odd and even ones the mean."""
        even = self.evidence.wealth
        return log(even if self.odd is None else (even + self.odd.wealth) / 2)

    @property
    def log_wealth(self) -> float:
        """Logarithm of the evidence of blocks and of single requests, which play apart with a part of the wealth each."""
        if self.single is None:
            return self.on_blocks
        return log(ON_BLOCKS * self.evidence.wealth + (1 - ON_BLOCKS) * self.single.wealth)

    @property
    def bad(self) -> int:
        """Bad requests in the evidence."""
        return self.evidence.bad + (self.odd.bad if self.odd else 0)

    @property
    def bad_blocks(self) -> int:
        """Blocks with bad requests in the evidence."""
        return self.evidence.bad_blocks + (self.odd.bad_blocks if self.odd else 0)

    def after(
        self, canary: Counts, primary: Counts | None, at: float | None, policy: Policy, recent: Sides | None = None
    ) -> MetricState:
        """The state after a scrape.

        Args:
            canary, primary: counted since the release began; None where the primary is not counted.
            at: time of the scrape, seconds since the epoch. One that comes too soon after the last block waits for the
                next; without a time each call is a block.
            recent: both sides over the last minute, where newer counts are known.
        """
        if at is not None and at <= self.taken:
            return self
        least = BLOCK * BLOCK_SLACK
        passed = float("inf") if at is None else at - self.at
        block = canary.since(self.seen)
        if passed < (least if block.requests else 2 * least):
            return self if at is None else replace(self, taken=at)
        if not block.requests:
            # A silent canary has no control: what the primary does meanwhile belongs to no block.
            return replace(self, primary=primary, taken=at or 0.0)
        primary_block = primary.since(self.primary) if primary is not None and self.primary is not None else Counts()
        even = self.odd is None or self.odd.blocks == self.evidence.blocks
        return MetricState(
            self.evidence.add(block.requests, block.bad) if even else self.evidence,
            canary,
            self.odd if self.odd is None or even else self.odd.add(block.requests, block.bad),
            primary,
            self.control.add(
                (block.requests, block.bad),
                (primary_block.requests, primary_block.bad),
                policy.control_effect,
                policy.odds_ratio,
            ),
            self.assurance.add(block.requests, block.at_worst),
            recent or self.recent,
            at or 0.0,
            at or 0.0,
            self.single and self.single.add(block.requests, block.bad, passed if self.at else FIRST_BLOCK),
            self.gauge,
        )


class JudgeState(BaseModel):
    """What the judge remembers of one release; kept in the Canary's status, restored bit for bit.

    Attributes:
        revision: what the evidence is about.
        since: seconds since the epoch at which this revision first could get traffic: counts begin there.
        metrics: the state of each counted metric and gauge by its name.
        looked: time of the last look, seconds since the epoch; all times are by the clock of the provider that counted.
        newest: time of the newest sample at that look; 0 where there was none.
        weight: the canary's share of the traffic at that look, percent; None where it is not known.
        step_started: when the step under way began.
        held_since: since when the canary fails as the primary does; None where it does not.
        heard: when the canary last had requests; None before the first look.
        failed: why the release was failed, once it was: that verdict stands.
    """

    model_config = ConfigDict(frozen=True)
    revision: str
    since: float
    metrics: dict[str, MetricState] = {}
    looked: float = 0.0
    newest: float = 0.0
    weight: int | None = None
    step_started: float = 0.0
    held_since: float | None = None
    heard: Heard | None = None
    failed: str = ""
