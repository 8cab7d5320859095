"""What became of one service of a journey, by its Canary as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.train import CarState, Promotion, Ride, TrainPhase, TrainStatus
from sluice.trains.problems import Service

AT, ALONE = "confirm-promotion", "alone"
"""The point at which a service waits for all others, and what its journal keeps there where nothing else is closed."""
DELETED, LEFT = "left the train: its Canary was deleted", "left the train: another revision came while it was aboard"


def observed(ride: Ride, status: TrainStatus, canaries: Mapping[Service, Canary], now: float, deadline: float) -> Ride:
    """The ride as it is now."""
    canary = canaries.get((ride.namespace, ride.canary))
    if ride.state in _BY_STATE:
        gone = canary is None or bool(canary.metadata.deletion_timestamp)
        if gone or canary is None:
            return moved(ride, CarState.FAILED, now, DELETED)
        return _BY_STATE[ride.state](ride, canary, status, now, deadline)
    kept = canary is not None and is_promoted(ride, canary)
    if ride.state is CarState.PROMOTED and status.phase is TrainPhase.RETURNING and not kept:
        return moved(ride, CarState.HOME, now, "another revision was promoted since")
    return ride


def moved(ride: Ride, state: CarState, now: float, reason: str = "") -> Ride:
    """The ride in another state."""
    return ride.model_copy(update={"state": state, "since": now, "reason": reason})


def is_promoted(ride: Ride, canary: Canary) -> bool:
    """Whether its users are served by the revision that it rode with."""
    status = canary.status
    if status.last_promoted_spec != ride.revision:
        return False
    return status.phase in {Phase.FINALISING, Phase.SUCCEEDED} or status.last_applied_spec != ride.revision


def _aboard(ride: Ride, canary: Canary, status: TrainStatus, now: float, deadline: float) -> Ride:
    """One that was let on, or waits for its turn."""
    its = canary.status
    if is_promoted(ride, canary):
        return moved(ride, CarState.PROMOTED, now)
    if its.last_applied_spec != ride.revision:
        return moved(ride, CarState.FAILED, now, LEFT)
    if its.phase is Phase.FAILED:
        promoted = its.condition("Promoted")
        return moved(ride, CarState.FAILED, now, f"failed: {promoted.message if promoted else its.rollback_reason}")
    if ride.state in {CarState.RIDING, CarState.PROMOTING} and now - ride.since > deadline:
        return moved(ride, CarState.HOMEWARD, now, f"did not come to its end within {deadline:g} s")
    together = status.promotion is Promotion.TOGETHER and status.phase is not TrainPhase.PROMOTING
    if ride.state is CarState.RIDING and together and waits_for_promotion(canary):
        return moved(ride, CarState.READY, now)
    reason = "its Canary is suspended" if canary.spec.suspend else ""
    return ride.model_copy(update={"reason": reason})


def waits_for_promotion(canary: Canary) -> bool:
    """Whether it has passed its analysis, and only its train keeps it from being promoted."""
    alone = any(one.point == AT and one.kept.get(ALONE) for one in canary.status.gates)
    return canary.status.phase is Phase.WAITING_PROMOTION and alone


def _homeward(ride: Ride, canary: Canary, status: TrainStatus, now: float, deadline: float) -> Ride:
    """One that was sent home."""
    its = canary.status
    if its.last_promoted_spec == ride.revision:
        if now - ride.since > deadline:
            return moved(ride, CarState.KEPT, now, "is promoted, and could not be rolled back")
        return ride
    at_home = its.phase is Phase.FAILED or (its.phase is Phase.WAITING and not its.begun)
    if its.last_applied_spec != ride.revision or at_home:
        return moved(ride, CarState.HOME, now, ride.reason)
    return ride


_BY_STATE: dict[CarState, Callable[[Ride, Canary, TrainStatus, float, float], Ride]] = {
    CarState.BOARDED: _aboard,
    CarState.RIDING: _aboard,
    CarState.READY: _aboard,
    CarState.PROMOTING: _aboard,
    CarState.HOMEWARD: _homeward,
}
"""What is looked for in each state in which something may become of it."""
