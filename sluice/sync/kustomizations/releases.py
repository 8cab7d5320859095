"""A Canary whose release is what somebody waits for: ready when it is promoted, failed when it is rolled back.

kstatus, and so Flux, takes a Canary for ready as soon as it is there: its conditions have no `Ready`. That stays so with
`wait`. Where
`spec.healthChecks` names a Canary, its release is meant.
"""

from __future__ import annotations

from sluice.manifests.flagger.phase import Phase
from sluice.sync.health.base import READY, Health, Object, State, broken, condition, spec_of, status_of, working

_DONE = {Phase.INITIALIZED, Phase.SUCCEEDED}
_ENDED = {*_DONE, Phase.FAILED}
_GOING = {Phase.TERMINATING, Phase.TERMINATED}


def released(item: Object, revision: str) -> Health:
    """How the release of a Canary's target is.

    Args:
        item: the Canary.
        revision: that its target holds now, as the Canary's journal calls it.
    """
    status = status_of(item)
    phase = status.get("phase")
    if not phase:
        return working("its controller has not begun")
    if phase in _GOING:
        return Health(State.TERMINATING, "it is being deleted")
    if phase in _ENDED and status.get("lastPromotedSpec") == revision:
        # The version of before, in git once more after a rollback: no release comes of it, the primary runs it.
        return READY
    if status.get("lastAppliedSpec") != revision:
        held = ": the Canary is suspended (spec.suspend)" if spec_of(item).get("suspend") else ""
        return working(f"its target is at revision {revision}, which no release has begun for yet{held}")
    if phase == Phase.FAILED:
        _, _, message = condition(item, "Promoted")
        return broken(message or "its release was rolled back")
    return READY if phase in _DONE else working(f"its release is {phase}")
