"""The phases of a Canary, by Flagger's names."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a Canary stands; `.status.phase`."""

    INITIALIZING = "Initializing"
    """The primary, the Services and the route are being made."""
    INITIALIZED = "Initialized"
    """The primary serves all users; nothing was released through sluice yet."""
    WAITING = "Waiting"
    """A confirm-rollout gate is closed."""
    PROGRESSING = "Progressing"
    """A new revision is being scaled up, or takes part of the traffic and is judged."""
    WAITING_PROMOTION = "WaitingPromotion"
    """A confirm-promotion gate is closed."""
    PROMOTING = "Promoting"
    """The judged revision carries the traffic while the primary is brought to it."""
    FINALISING = "Finalising"
    """Traffic is home on the primary; the canary is being scaled to zero."""
    SUCCEEDED = "Succeeded"
    """The last revision was promoted."""
    FAILED = "Failed"
    """The last revision was rolled back; the primary was not touched."""
    TERMINATING = "Terminating"
    """The Canary is being deleted."""
    TERMINATED = "Terminated"
    """It is deleted."""

    @property
    def in_progress(self) -> bool:
        """Whether a rollout has begun and not ended: somebody has to carry it on."""
        return self in IN_PROGRESS


IN_PROGRESS = frozenset(
    {
        Phase.INITIALIZING,
        Phase.WAITING,
        Phase.PROGRESSING,
        Phase.WAITING_PROMOTION,
        Phase.PROMOTING,
        Phase.FINALISING,
    }
)
