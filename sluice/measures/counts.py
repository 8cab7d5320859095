"""Counted requests of one stretch of time, and the bad ones among them."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.errors import InvalidError

MOST = 2**53
"""Requests: a counter is a double, and one more than that many it does not see."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of one window, and the bad ones among them.

    Attributes:
        bad: those that were certainly bad; they count against a revision.
        unclear: further ones that may have been: a histogram's buckets cannot tell. None of them counts for a revision.
    """

    requests: int = 0
    bad: int = 0
    unclear: int = 0

    @classmethod
    def of(cls, requests: float, bad: float, unclear: float = 0.0) -> Counts:
        """Whole numbers that can be: what is negative or more than there were requests is brought into reach.

        Raises:
            InvalidError: these are more requests than anybody has, or no number.
        """
        for what, number in (("requests", requests), ("bad requests", bad), ("unclear requests", unclear)):
            if not abs(number) <= MOST:
                raise InvalidError(
                    f"{number:g} {what} were counted where {MOST:g} are the most that a counter can tell apart: "
                    "see what writes the metric"
                )
        whole = max(0, round(requests))
        certain = min(max(0, round(bad)), whole)
        return cls(whole, certain, min(max(0, round(unclear)), whole - certain))

    @property
    def at_worst(self) -> int:
        """Requests that cannot be shown to have been good."""
        return self.bad + self.unclear

    def since(self, earlier: Counts) -> Counts:
        """What came after `earlier`; a provider that forgot requests gives none, never a negative number."""
        requests, bad = self.requests - earlier.requests, self.bad - earlier.bad
        unclear = self.unclear - earlier.unclear
        if bad >= 0 and unclear >= 0 and bad + unclear <= requests:
            return Counts(requests, bad, unclear)
        return Counts.of(requests, bad, unclear)


@dataclass(frozen=True, slots=True)
class Sides:
    """Requests to the canary and to the primary in the same stretch of time."""

    canary: Counts = Counts()
    primary: Counts = Counts()

    def since(self, earlier: Sides) -> Sides:
        """What came after `earlier`, of each side."""
        return Sides(self.canary.since(earlier.canary), self.primary.since(earlier.primary))
