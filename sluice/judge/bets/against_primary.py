"""Evidence against "the canary fails no more often than the primary", whatever both suffer from together.

Null hypothesis: in every block the canary's odds of failure are at most ψ0 times the primary's; the common level may change
from block to block as it likes. Given the s = f + g bad requests of a block among n of the canary and m of the primary, f is
(noncentral) hypergeometric: a sum of independent Bernoullis with mean at most s·q0, q0 = ψ0·n/(ψ0·n + m), for ψ0 ≥ 1, and so
dominated in convex order by the binomial (Hoeffding 1956). The likelihood ratio of that binomial against one with odds r
times as high is convex and rising in f, hence an e-value; the exponent 1/D for requests that fail in bursts and the cap on a
factor only make it smaller. The same conditioning: Lindon & Malek (arXiv 2011.03567); other e-values for it: Turner, Ly &
Grünwald (2106.02693).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, log1p

from sluice.judge.bets.wealth import cash, cut_off

RATIOS = (1.5, 2.5, 5.0, 15.0, 100.0)
"""How many times as high the odds of failure are that each bet is on."""
GREATEST_WIN = 4.56
"""Cap on the log factor of one block: two thirds of ln(1/0.001), so that two blocks may decide and one never does.

It bounds what scrapes of the sides that lie some moments apart can do when both begin to fail together. It does not depend
on the error rate that is asked for: a stricter one must never decide sooner.
"""
_LOG_RATIOS = tuple((ratio, log(ratio)) for ratio in RATIOS)


@dataclass(frozen=True, slots=True)
class Control:
    """The wealth of the bets that the canary fails more often than the primary; immutable.

    Attributes:
        blocks: how many blocks had requests to both sides: the investments run by them, whatever failed.
        staked: how many of them were invested for; a block in which nothing failed changes no bet, so it is caught up later.
        owned: each bet's wealth.
    """

    blocks: int = 0
    staked: int = 0
    owned: tuple[float, ...] = (0.0,) * len(RATIOS)

    def add(
        self,
        canary: tuple[int, int],
        primary: tuple[int, int],
        design_effect: float = 1.0,
        odds_ratio: float = 1.0,
        greatest: float = GREATEST_WIN,
    ) -> Control:
        """The evidence after one more block.

        Args:
            canary, primary: requests and bad ones of each side. A block without requests to one of them says nothing.
            design_effect: D >= 1, how many requests fail as one; never more than failed in the block at all.
            odds_ratio: ψ0 >= 1, how many times the primary's odds of failure the canary is allowed.
            greatest: cap on the block's log factor.
        """
        (n, f), (m, g) = canary, primary
        if n == 0 or m == 0:
            return self
        if f + g == 0:
            return Control(self.blocks + 1, self.staked, self.owned)
        # Any D that the bad requests' number alone decides is valid, for the block is judged given that number.
        failed, share = f + g, odds_ratio * n / (odds_ratio * n + m)
        effect = min(design_effect, failed)
        invested = (cash(self.staked) - cash(self.blocks + 1)) / len(RATIOS)
        # f·ln(q/q0) + g·ln((1−q)/(1−q0)) with q = rψ0n/(rψ0n + m): both need only the canary's share q0.
        won = [f * log_ratio - failed * log1p((ratio - 1) * share) for ratio, log_ratio in _LOG_RATIOS]
        played = zip(self.owned, won, strict=True)
        after = cut_off([(owned + invested) * exp(min(each / effect, greatest)) for owned, each in played])
        return Control(self.blocks + 1, self.blocks + 1, after)

    @property
    def log_wealth(self) -> float:
        """Natural logarithm of the evidence; log(1/alpha) or more means: worse than the primary, at error rate alpha."""
        return log(cash(self.staked) + sum(self.owned))
