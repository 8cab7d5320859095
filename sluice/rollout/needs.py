"""Whether a Canary needs a rollout to be started for what its target holds now, and whether one is under way."""

from __future__ import annotations

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase


def needs_rollout(canary: Canary, revision: str) -> bool:
    """Whether nothing was made for the Canary yet, or its target holds a revision that was neither promoted nor attempted.

    A revision that was rolled back is not tried again by itself, and one that is on its way has its run already.
    """
    status = canary.status
    if canary.spec.suspend and (needs_primary(canary) or not (status.phase and status.phase.in_progress)):
        return False
    if status.phase is None:
        return True
    return revision not in {status.last_promoted_spec, status.last_applied_spec}


def needs_primary(canary: Canary) -> bool:
    """Whether the Canary's primary has still to be made, or a person has cancelled that before it served."""
    phase, promoted = canary.status.phase, canary.status.last_promoted_spec
    return phase in {None, Phase.INITIALIZING} or (phase is Phase.FAILED and not promoted)


def is_under_way(canary: Canary, revision: str) -> bool:
    """Whether the journal says that this revision was begun and has not come to its end."""
    phase = canary.status.phase
    return phase is not None and phase.in_progress and canary.status.last_applied_spec == revision
