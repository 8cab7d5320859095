"""Whether a Canary needs a rollout to be started for what its target holds now."""

from __future__ import annotations

from sluice.manifests.canary import Canary


def needs_rollout(canary: Canary, revision: str) -> bool:
    """True where nothing was made for the Canary yet, or its target holds a revision that nobody is or was at.

    A revision that was taken back is not tried again by itself, and one that is on its way has its run already.
    """
    status = canary.status
    if status.phase is None:
        return True
    if canary.spec.suspend and not status.phase.in_progress:
        return False
    return revision not in {status.last_promoted_spec, status.last_applied_spec}
