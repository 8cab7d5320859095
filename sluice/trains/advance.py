"""Who goes next: which services are let on, let on to their promotion, or sent home."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sluice.manifests.own.train import SETTLED, CarState, Promotion, Ride, TrainPhase, TrainStatus
from sluice.trains.observed import moved

AHEAD = {Promotion.TOGETHER: {CarState.READY, CarState.PROMOTED}, Promotion.IN_ORDER: {CarState.PROMOTED}}
"""How far a service has to be before those that come after it are let on."""
LOST = {CarState.FAILED, CarState.HOMEWARD, CarState.HOME, CarState.STAYED}
AT_HOME = SETTLED - {CarState.PROMOTED}
"""Nothing is left to be taken home of it."""


@dataclass(slots=True)
class _Lanes:
    """How many more may be on their way."""

    free: int

    def take(self) -> bool:
        self.free -= 1
        return self.free >= 0


def settled(status: TrainStatus, ride: Ride) -> bool:
    """Whether nothing is left to be done about it."""
    return ride.state in (AT_HOME if status.phase is TrainPhase.RETURNING else SETTLED)


def advanced(status: TrainStatus, lanes: int, why: str, now: float, *, held: bool = False) -> tuple[Ride, ...]:
    """The rides once everybody who may go was let go.

    Args:
        lanes: how many are on their way at once.
        why: they go home.
        held: nothing more is let on; the way home stays open.
    """
    by_phase: dict[TrainPhase, Callable[[], tuple[Ride, ...]]] = {
        TrainPhase.RUNNING: lambda: _let_on(status, lanes, now, held=held),
        TrainPhase.PROMOTING: lambda: _let_promote(status, lanes, now, held=held),
        TrainPhase.RETURNING: lambda: _sent_home(status, why, now),
    }
    return by_phase[status.phase]()


def _let_on(status: TrainStatus, lanes: int, now: float, *, held: bool) -> tuple[Ride, ...]:
    """Rides are in the order of their levels: one that stays is known before those that come after it."""
    found = {ride.name: ride for ride in status.rides}
    busy = sum(ride.state in {CarState.RIDING, CarState.HOMEWARD} for ride in status.rides)
    room, ahead = _Lanes(lanes - busy), AHEAD[status.promotion]
    for ride in status.rides:
        if ride.state is not CarState.BOARDED:
            continue
        lost = [name for name in ride.after if found[name].state in LOST]
        if lost:
            found[ride.name] = moved(ride, CarState.STAYED, now, f"stayed: it comes after {', '.join(lost)}")
        elif not held and all(found[name].state in ahead for name in ride.after) and room.take():
            found[ride.name] = moved(ride, CarState.RIDING, now)
    return tuple(found.values())


def _let_promote(status: TrainStatus, lanes: int, now: float, *, held: bool) -> tuple[Ride, ...]:
    states = {ride.name: ride.state for ride in status.rides}
    room = _Lanes(lanes - sum(state is CarState.PROMOTING for state in states.values()))
    return tuple(
        moved(ride, CarState.PROMOTING, now)
        if not held
        and ride.state is CarState.READY
        and all(states[name] is CarState.PROMOTED for name in ride.after)
        and room.take()
        else ride
        for ride in status.rides
    )


def _sent_home(status: TrainStatus, why: str, now: float) -> tuple[Ride, ...]:
    """In reverse order: nobody is sent home before those that come after it are there."""
    found = {ride.name: ride for ride in status.rides}
    for ride in status.rides:
        if ride.state is CarState.BOARDED:
            found[ride.name] = moved(ride, CarState.STAYED, now, f"stayed: {why}")
    for ride in reversed(status.rides):
        if found[ride.name].state in AT_HOME | {CarState.HOMEWARD}:
            continue
        following = (one for one in status.rides if ride.name in one.after)
        if all(found[one.name].state in AT_HOME for one in following):
            found[ride.name] = moved(ride, CarState.HOMEWARD, now, why)
    return tuple(found.values())
