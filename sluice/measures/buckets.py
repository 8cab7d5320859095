"""Which buckets of a duration histogram decide about a limit: never an interpolation between two of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from math import isfinite, isnan

from sluice.errors import InvalidError


def bound_of(le: str) -> float:
    """A bucket's upper bound from its label."""
    return float(le.replace("+Inf", "inf"))


def is_bucket(labels: Mapping[str, str]) -> bool:
    """Whether a series is a bucket of a classic histogram."""
    try:
        return not isnan(bound_of(labels.get("le", "")))
    except ValueError:
        return False


def around(bounds: Iterable[float], limit_ms: float, unit_ms: float) -> tuple[float | None, float]:
    """The bounds next to the limit, below and above; the same twice where the limit is a bound.

    A request above the upper one was certainly too slow, one within the lower one certainly was not; nothing is known of
    those between them. There may be none below: then no request can be shown to have been fast enough.

    Args:
        bounds: upper bounds of the buckets that there are, in the histogram's own unit.
        limit_ms: the limit, milliseconds.
        unit_ms: milliseconds of the histogram's unit.

    Raises:
        InvalidError: no finite bound is at or above the limit, so that no request could ever count as too slow.
    """
    finite = sorted(bound for bound in bounds if isfinite(bound))
    limit = limit_ms / unit_ms
    if not finite or finite[-1] < limit:
        raise InvalidError(_unreachable(limit_ms, finite[-1] * unit_ms if finite else None))
    at_most = bisect_right(finite, limit)
    return finite[at_most - 1] if at_most else None, finite[bisect_left(finite, limit)]


def _unreachable(limit_ms: float, greatest_ms: float | None) -> str:
    said = f"metrics[].thresholdRange.max of request-duration is {limit_ms:g} ms, but the histogram has no "
    if greatest_ms is None:
        return f"{said}finite bucket: no request can count as too slow; give it a bucket at {limit_ms:g} ms"
    return (
        f"{said}finite bucket beyond {greatest_ms:g} ms: no request can count as too slow; "
        f"set thresholdRange.max to {greatest_ms:g} or less, or give the histogram a bucket at {limit_ms:g} ms"
    )
