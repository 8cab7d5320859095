"""How sure the judge has to be, and how long it waits: the numbers behind a verdict, with their reasons."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log

ALPHA = 0.001
"""Bound on the chance that a release which keeps every objective is failed by the evidence, over all looks and steps."""
TIER = 8.0
"""Times alpha that a release may be failed which keeps its objective but is worse than the primary. That is the lesser harm:
users are worse off with it; and waiting for the full odds against the objective as well takes a third longer. At eight times
the bench still fails fewer than one in a thousand of them."""
BETA = 0.05
"""Bound on the chance that a step passes early although a metric breaks its objective: that only leads to the next step."""
LEAST_BAD_BLOCKS, LEAST_BAD = 2, 3
"""One odd scrape or two odd requests never fail a release, whatever the evidence says."""
BLOCK = 2.0
"""Least length of a block, seconds: requests of one burst belong into one block, where their correlation does no harm."""
FIRST_BLOCK = 2.0
"""Seconds that the first block is taken to last: what came before it is not known, and a short one is braked most."""
BLOCK_SLACK = 0.75
"""Share of `BLOCK` after which one may end: scrapes do not come to the millisecond."""
RECENT = 60.0
"""Seconds that "how a side does right now" looks back."""
CONTROL_UP_TO = 50
"""Weight of the canary, percent, above which too little traffic is left to the primary to wait for the control."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How sure and how patient the judge is.

    Attributes:
        alpha, beta: error rates, see `ALPHA` and `BETA`.
        tier: see `TIER`. Where there is no control, and with `interleave`, the error rate is alpha alone.
        design_effect: D >= 1, how many requests fail as one (variance of a block's bad count over the binomial's); bursts
            make it larger. It weakens the assurance where it is not read off the blocks themselves, with `interleave`.
        control_effect: the design effect against the primary. Of what both sides suffer together 1 is right already; 2 loses
            the small excess, and bursts of the canary alone are braked by the evidence against the objective.
        odds_ratio: ψ0 >= 1, how many times the primary's odds of failure the canary is allowed.
        margin: by how much of itself the allowed fraction may be exceeded and a step still pass: p1 = p0·(1 + margin).
        interleave: bet on odd and even blocks apart, and not on single requests, for a canary whose bursts span blocks:
            slower by two times and more.
        least_blocks, least_step: blocks with requests and seconds that a step has before it passes early.
        common_mode_timeout: seconds that a failure which the primary shares is held before the canary is rolled back: it may
            be what poisons a dependency of both.
        scrape_period: seconds between scrapes; a gap of more than three of them is blindness. See `paced`.
        starved_requests: requests that the canary should have had, by the primary's, before silence is called starvation.
        starved_timeout, blind_timeout: seconds of either before the release is failed.
    """

    alpha: float = ALPHA
    beta: float = BETA
    tier: float = TIER
    design_effect: float = 2.0
    control_effect: float = 1.0
    odds_ratio: float = 1.0
    margin: float = 0.0
    interleave: bool = False
    least_blocks: int = 3
    least_step: float = 10.0
    common_mode_timeout: float = 300.0
    scrape_period: float = 2.0
    starved_requests: float = 20.0
    starved_timeout: float = 60.0
    blind_timeout: float = 300.0

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 1 and 0 < self.beta < 1):
            raise ValueError(f"alpha {self.alpha} and beta {self.beta} must lie between 0 and 1")
        if min(self.tier, self.design_effect, self.control_effect, self.odds_ratio) < 1 or self.margin < 0:
            raise ValueError("tier, both design effects and odds_ratio must be 1 or more, and margin 0 or more")

    def paced(self, period: float) -> Policy:
        """The policy where scrapes come so many seconds apart: silence is counted in scrapes.

        Sides that are scraped at different moments look starved for a period; a provider that restarts misses some scrapes.
        """
        starved, blind = max(self.starved_timeout, 4 * period), max(self.blind_timeout, 10 * period)
        return replace(self, scrape_period=max(period, BLOCK), starved_timeout=starved, blind_timeout=blind)

    @property
    def fail_at(self) -> float:
        """Logarithm of the evidence that fails a release."""
        return -log(self.alpha)

    @property
    def pass_at(self) -> float:
        """Logarithm of the assurance that passes a step."""
        return -log(self.beta)


DEFAULT = Policy()
