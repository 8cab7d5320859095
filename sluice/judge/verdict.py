"""What can be said of a revision at one moment, and the evidence for it."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the judge says at one moment."""

    CONTINUE = "continue"
    """Nothing against the revision, and not enough for it yet."""
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    """Every metric is within its bounds, as far as this step asks."""
    FAIL = "fail"
    """The revision breaks a bound."""
    NO_DATA = "no data"
    """Nothing was measured: neither good nor bad."""
    HOLD = "hold"
    """Canary and primary both break the objective: probably a shared dependency. The weight stays until it is over."""
    PROVIDER_DOWN = "provider down"
    """The metrics provider did not answer: nothing is known about the revision."""


class Silence(StrEnum):
    """Why nothing was counted. Evidence is frozen meanwhile: silence is neither success nor failure."""

    NO_TRAFFIC = "no traffic"
    """Neither side has requests."""
    STARVED = "starved"
    """By the primary's requests the canary should have had some too, and none came to an end: it may hang."""
    BLIND = "blind"
    """No sample came for several scrapes: whatever happens is not seen."""
