"""What comes next for a Train: one pure function of its journal, and of the Canaries of its services as they are.

The journal is all that a train does: the rollouts of its services wait, go on and go home by what is written there. So
there is no act whose intent would have to be written before it, and a run that starts in the middle goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import (
    FINALIZER,
    SETTLED,
    CarState,
    Fate,
    Promotion,
    Ride,
    Train,
    TrainPhase,
    TrainStatus,
)
from sluice.trains.advance import advanced, settled
from sluice.trains.boarding import boarded
from sluice.trains.observed import observed
from sluice.trains.problems import Service, problems
from sluice.trains.timetable import due_bell

LONGEST = 1000
"""Characters of a message."""


class Act(StrEnum):
    """What is to be done."""

    NOTHING = "nothing"
    """It stands, and nobody asks for a departure."""
    WAIT = "wait"
    """It is under way, and nothing has changed."""
    KEEP = "keep"
    """Put the finalizer on it, before it departs."""
    WRITE = "write"
    """Write the journal."""
    LET_GO = "let go"
    """Take the finalizer away: it is at rest, or it may be deleted."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes next.

    Attributes:
        status: the journal after the act.
        reason: for people.
    """

    act: Act
    status: TrainStatus
    reason: str = ""


def decide(
    train: Train,
    others: Iterable[Train],
    canaries: Mapping[Service, Canary],
    now: float,
    *,
    own_namespace_only: bool = False,
) -> Decision:
    """What comes next.

    Args:
        others: all Trains there are.
        canaries: those of its services that there are.
    """
    if train.under_way:
        return _under_way(train, canaries, now)
    kept, going = FINALIZER in train.metadata.finalizers, bool(train.metadata.deletion_timestamp)
    if going:
        return Decision(Act.LET_GO if kept else Act.NOTHING, train.status, "it is deleted")
    wrong = problems(train, others, own_namespace_only=own_namespace_only)
    status = _looked_at(train, wrong, now)
    bell = 0.0 if wrong else due_bell(train, now) or 0.0
    if train.asked or bell:
        status = status.model_copy(update={"last_depart": train.asked or status.last_depart, "last_bell": bell or now})
        departing = _departing(train, status, wrong, canaries, now)
        if departing.phase is TrainPhase.RUNNING and not kept:
            return Decision(Act.KEEP, train.status, "it is about to depart")
        return Decision(Act.WRITE, departing, departing.message)
    if status != train.status:
        return Decision(Act.WRITE, status, status.message)
    return Decision(Act.LET_GO if kept else Act.NOTHING, status, status.message)


def _looked_at(train: Train, wrong: tuple[str, ...], now: float) -> TrainStatus:
    """The journal once the manifest as it is was looked at."""
    status = train.status
    said = f"does not depart: {'; '.join(wrong)}"[:LONGEST] if wrong else ""
    if not said and (status.phase is TrainPhase.NEW or status.message.startswith("does not depart")):
        said = "stands"  # what was wrong may have been another Train, which is gone
    phase = TrainPhase.WAITING if status.phase is TrainPhase.NEW else status.phase
    seen = {"observed_generation": train.metadata.generation, "known_since": now} if train.changed else {}
    return status.model_copy(update={"phase": phase, "message": said or status.message, **seen})


def _departing(
    train: Train, status: TrainStatus, wrong: tuple[str, ...], canaries: Mapping[Service, Canary], now: float
) -> TrainStatus:
    if wrong:
        return status
    if train.spec.suspend:
        return status.model_copy(update={"message": "did not depart: it is suspended"})
    found = boarded(train, canaries, now)
    if not found.rides:
        stayed = "; ".join(f"{name} {why}" for name, why in found.stayed.items())
        said = f"did not depart, for nobody was aboard: {stayed}"[:LONGEST]
        return status.model_copy(update={"message": said, "phase": TrainPhase.WAITING, "stayed": found.stayed})
    begun = {
        "phase": TrainPhase.RUNNING,
        "departed": now,
        "reason": "",
        "fate": train.spec.fate,
        "promotion": train.spec.promotes,
        "rides": found.rides,
        "stayed": found.stayed,
        "message": f"departed with {len(found.rides)} of {len(train.spec.cars)}",
    }
    return status.model_copy(update=begun)


def _under_way(train: Train, canaries: Mapping[Service, Canary], now: float) -> Decision:
    before = train.status
    rides = tuple(observed(ride, before, canaries, now, train.spec.deadline) for ride in before.rides)
    phase, why = _phase(train, before, rides)
    status = before.model_copy(update={"phase": phase, "rides": rides, "reason": why})
    status = status.model_copy(update={"rides": advanced(status, train.spec.lanes, why, now, held=train.spec.suspend)})
    status = _ended(status) if all(settled(status, ride) for ride in status.rides) else status
    said = _message(status, suspended=train.spec.suspend)
    status = status.model_copy(update={"message": said})
    return Decision(Act.WAIT if status == before else Act.WRITE, status, said)


def _phase(train: Train, status: TrainStatus, rides: tuple[Ride, ...]) -> tuple[TrainPhase, str]:
    """The phase by what was observed, and why they go home (empty where they do not)."""
    lost = [
        ride for ride in rides if ride.state in {CarState.FAILED, CarState.HOMEWARD, CarState.HOME, CarState.STAYED}
    ]
    first = min(lost, key=lambda ride: ride.since, default=None)
    why = f"{first.name} {first.reason}" if first else ""
    if status.phase is TrainPhase.RETURNING:
        return TrainPhase.RETURNING, status.reason
    if train.metadata.deletion_timestamp:
        return TrainPhase.RETURNING, "the Train was deleted under way"
    if lost and status.fate is Fate.ONE:
        return TrainPhase.RETURNING, why
    passed = all(ride.state in {CarState.READY, CarState.PROMOTED} for ride in rides)
    together = status.phase is TrainPhase.RUNNING and status.promotion is Promotion.TOGETHER
    return (TrainPhase.PROMOTING if together and passed and not train.spec.suspend else status.phase), ""


def _ended(status: TrainStatus) -> TrainStatus:
    home = status.phase is TrainPhase.RETURNING
    return status.model_copy(update={"phase": TrainPhase.RETURNED if home else TrainPhase.ARRIVED})


def _message(status: TrainStatus, *, suspended: bool) -> str:
    """What people read."""
    counted = {state: sum(ride.state is state for ride in status.rides) for state in CarState}
    promoted = f"{counted[CarState.PROMOTED]} of {len(status.rides)} promoted"
    if status.phase in {TrainPhase.RETURNING, TrainPhase.RETURNED}:
        kept = [ride.name for ride in status.rides if ride.state is CarState.KEPT]
        still = sum(ride.state not in SETTLED for ride in status.rides)
        what = f"{still} still on their way home" if status.phase is TrainPhase.RETURNING else "all are at home"
        if kept and status.phase is TrainPhase.RETURNED:
            what = f"at home but for {', '.join(kept)}"
        return f"{what}: {status.reason}"[:LONGEST]
    if status.phase is TrainPhase.ARRIVED:
        lost = [f"{ride.name} {ride.reason}" for ride in status.rides if ride.state is not CarState.PROMOTED]
        return f"{promoted}{'; ' + '; '.join(lost) if lost else ''}"[:LONGEST]
    others = [
        f"{count} {str(state).lower()}" for state, count in counted.items() if count and state != CarState.PROMOTED
    ]
    held = "; spec.suspend is set: nothing more is let on" if suspended else ""
    return f"{promoted}, {', '.join(others)}{held}"[:LONGEST]
