"""Whether one sample lies above another, by ranks alone: the Mann-Whitney U test, turned into an interval.

The null hypothesis is that values of both samples come from one distribution. The test (Mann & Whitney 1947, "On a test
of whether one of two random variables is stochastically larger than the other") asks how often a value of one sample
exceeds one of the other, and assumes no shape. Inverted over all shifts it gives an interval for the shift between both
samples, around the median of all differences (Hodges & Lehmann 1963, "Estimates of location based on rank tests").
Kayenta's judge decides by that interval (github.com/spinnaker/kayenta, `MannWhitney.scala`: normal approximation,
correction for continuity and ties). It searches the ends with a root finder to 0.0001; here they are what they are in
truth, two of the differences.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, sqrt
from statistics import NormalDist, median

CONFIDENCE = 0.98
"""Of the interval, as Kayenta's: where nothing differs it lies above zero once in a hundred times, and below it as often."""


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much one sample lies above another, in their own unit.

    Attributes:
        estimate: the median of all differences between them (Hodges-Lehmann).
        low, high: ends of the confidence interval.
        effect: how often a value of the first exceeds one of the second, ties by half: 0.5 where they are alike. Known as
            the common language effect size (McGraw & Wong 1992; Vargha & Delaney 2000).
    """

    estimate: float
    low: float
    high: float
    effect: float


def shift(first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE) -> Shift:
    """How `first` lies to `second`; the order of values in a sample says nothing. Both must have some.

    Between two neighbouring differences no value of one sample, shifted, ties with one of the other. There the number of
    pairs that the first sample wins falls by one with each difference, and ties within a sample alone narrow its spread, so
    the shifts that the test does not reject lie between the k-th difference from below and the k-th from above.
    """
    differences = sorted(one - other for one in first for other in second)
    pairs = len(differences)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    most = pairs / 2 + 0.5 + z * _spread(first, second)
    # Too few values to be that sure of anything: the interval is all that was seen.
    k = max(1, pairs - floor(most))
    won = pairs - bisect_right(differences, 0.0)
    tied = pairs - won - bisect_left(differences, 0.0)
    return Shift(median(differences), differences[k - 1], differences[pairs - k], (won + tied / 2) / pairs)


def _spread(first: Sequence[float], second: Sequence[float]) -> float:
    """Standard deviation of the number of won pairs, with ties within each sample taken off."""
    n, m = len(first), len(second)
    both = n + m
    ties = sum(count**3 - count for sample in (first, second) for count in Counter(sample).values())
    return sqrt(n * m / 12 * (both + 1 - ties / (both * (both - 1))))
