"""What to believe of a bad fraction after some requests, for people: it describes and decides nothing.

With a uniform prior the posterior after f bad requests of n is Beta(f + 1, n − f + 1). Unlike the evidence it means
something only at a moment that was chosen beforehand: at one of many looks it exceeds any level by chance.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p

MOST_TERMS = 100_000
PRECISION = 1e-12
TINY = 1e-300


def exceeds(bound: float, requests: int, bad: int) -> float:
    """Posterior probability that more than the fraction `bound` (0 < bound < 1) of the requests to come will be bad."""
    bad_side, good_side = bad + 1.0, requests - bad + 1.0
    # The continued fraction converges fast below the mean only; beyond it the other tail is asked for.
    if bound < (bad_side + 1) / (bad_side + good_side + 2):
        return 1.0 - _below(bound, bad_side, good_side)
    return _below(1.0 - bound, good_side, bad_side)


def _below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b): its continued fraction (DLMF 8.17.22), evaluated as Lentz did."""
    log_front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x) - log(a)
    fraction, c, d = 1.0, 1.0, 0.0
    for term in range(MOST_TERMS):
        m = term // 2
        if term == 0:
            step = 1.0
        elif term % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / (_away(1.0 + step * d))
        c = _away(1.0 + step / c)
        fraction *= c * d
        if term and abs(c * d - 1.0) < PRECISION:
            break
    return min(1.0, max(0.0, exp(log_front) * (fraction - 1.0)))


def _away(value: float) -> float:
    """The value, kept away from zero, by which is divided."""
    return value if abs(value) > TINY else TINY
