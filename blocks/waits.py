"""How long to wait before asking again: what others ask for, and the backoff that all of sluice has in common."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from sluice.errors import TransientError

SECONDARY = ("secondary rate limit", "abuse detection mechanism")
"""GitHub's words for too much at once, today's and those of older Enterprise Servers, where it says nothing else."""
REST, LONGEST_REST = 60.0, 3600.0
"""Seconds that a service gets that had too much and does not say for how long; and the most that it gets."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer's `Retry-After` asks for (RFC 9110); None where it names a date or nothing sensible."""
    try:
        seconds = float(headers.get("Retry-After", ""))
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def limit(status: int, headers: Mapping[str, str], text: str) -> float | None:
    """The seconds that a service wants to be left alone for; None where its answer says no such thing.

    Most answer 429. GitHub's limits are a 403 or 429 that says how long, or that nothing is left until a moment, or just
    names its secondary limit; any other 403 is a missing right.
    """
    left = headers.get("X-RateLimit-Remaining") or headers.get("RateLimit-Remaining")
    limited = "Retry-After" in headers or left == "0" or any(one in text.lower() for one in SECONDARY)
    if status != 429 and not (status == 403 and limited):
        return None
    if (wait := retry_after(headers)) is not None:
        return wait
    try:
        until = float(headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or "")
    except ValueError:
        return REST
    return max(until - time.time(), 1.0)


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
