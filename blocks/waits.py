"""How long to wait before asking again: what others ask for, and the backoff that all of sluice has in common."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from sluice.errors import TransientError


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's `Retry-After` asks for (RFC 9110); None where it names a date or nothing sensible."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def pauses(first: float, longest: float) -> Iterator[float]:
    """Seconds before each next try, without end: twice as long each time, and each by up to half longer or shorter.

    By chance, so that many who lost the same server do not all come back to it in one moment.
    """
    pause = first
    while True:
        yield pause * random.uniform(0.5, 1.5)
        pause = min(2 * pause, longest)


def retrying(attempts: int, longest: float) -> AsyncRetrying:
    """Asks again, a few times within one call, while the other side does not answer: `async for attempt in retrying(…)`.

    Args:
        attempts: calls before giving up; then the last error is raised.
        longest: seconds between two calls at most.
    """
    return AsyncRetrying(
        retry=retry_if_exception_type(TransientError),
        stop=stop_after_attempt(attempts),
        wait=wait_random_exponential(multiplier=0.1, max=longest),
        reraise=True,
    )
