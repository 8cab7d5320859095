"""What is to be said of a Canary's releases outside, by its status alone: so that what was lost is found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.phase import IN_PROGRESS, Phase

KEPT = 5
"""Revisions whose marks a Canary remembers."""


class Mark(StrEnum):
    """What a release is, as people outside see it."""

    IN_PROGRESS = "in progress"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    SUPERSEDED = "superseded"
    """A newer revision came before it was at its end."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be said of one revision.

    Attributes:
        version: what people call it; empty where the status does not say.
        reason: the sentence that people read on the Canary.
        first: it is the first one, which nothing was compared with.
        at: since when it is so, seconds since the epoch; 0 where that is not known.
    """

    revision: str
    version: str
    mark: Mark
    reason: str = ""
    first: bool = False
    at: float = 0.0


def due(canary: Canary) -> tuple[Due, ...]:
    """What holds now, of the last revision and of those before it whose end nobody has heard."""
    status = canary.status
    mark = _mark_of(status.phase)
    promoted = status.condition("Promoted")
    found = []
    if mark is not None and status.last_applied_spec:
        found.append(
            Due(
                revision=status.last_applied_spec,
                version=status.begun_with.version if status.begun_with else "",
                mark=mark,
                reason=promoted.message if promoted else "",
                first=status.phase is Phase.INITIALIZED,
                at=_moment(status.last_transition_time),
            )
        )
    return (*_superseded(canary), *found)


def is_missing(canary: Canary, one: Due, what: str) -> bool:
    """Whether it is to be said and was not yet.

    Args:
        what: the field of the record: `mark` for the forge, `told` for who listens to events.
    """
    known = canary.status.marked.get(one.revision)
    said = str(getattr(known, what)) if known else ""
    return said != one.mark if one.revision == canary.status.last_applied_spec else said == Mark.IN_PROGRESS


def is_settled(status: Mapping[str, Any], what: str = "mark") -> bool:
    """Whether a status as the cluster has it leaves nothing to say there: to look at many without a model of each.

    Args:
        what: as for `is_missing`.
    """
    marked = {revision: (one or {}).get(what) for revision, one in (status.get("marked") or {}).items()}
    last = status.get("lastAppliedSpec") or ""
    if any(mark == Mark.IN_PROGRESS for revision, mark in marked.items() if revision != last):
        return False
    wanted = _mark_of(status.get("phase"))
    return wanted is None or not last or marked.get(last) == wanted


def outdated(canary: Canary) -> tuple[str, ...]:
    """The revisions whose marks need not be remembered any more, the oldest."""
    status = canary.status
    others = [one for one in status.marked if one not in {status.last_applied_spec, status.last_promoted_spec}]
    others.sort(key=lambda one: status.marked[one].at)
    return tuple(others[: max(0, len(status.marked) - KEPT)])


_RESTS = {
    str(Phase.SUCCEEDED): Mark.PROMOTED,
    str(Phase.INITIALIZED): Mark.PROMOTED,
    str(Phase.FAILED): Mark.ROLLED_BACK,
}


def _mark_of(phase: object) -> Mark | None:
    """The mark of what is in this phase; None where nothing is to be said."""
    if phase in _RESTS:
        return _RESTS[str(phase)]
    return Mark.IN_PROGRESS if phase in IN_PROGRESS and phase != Phase.INITIALIZING else None


def _superseded(canary: Canary) -> list[Due]:
    status = canary.status
    newer = status.begun_with.version if status.begun_with else ""
    by = f" by {newer}" if newer else ""
    found = []
    for revision, known in status.marked.items():
        if revision == status.last_applied_spec or Mark.IN_PROGRESS not in {known.mark, known.sent}:
            continue
        # A run that found the promotion of an older revision unfinished has brought it to its end.
        promoted = revision == status.last_promoted_spec
        mark = Mark.PROMOTED if promoted else Mark.SUPERSEDED
        reason = f"{known.version} is promoted" if promoted else f"{known.version} was superseded{by}"
        at = _moment(status.last_transition_time)
        found.append(Due(revision=revision, version=known.version, mark=mark, reason=reason, at=at))
    return found


def _moment(stamp: str) -> float:
    try:
        return datetime.fromisoformat(stamp).timestamp() if stamp else 0.0
    except ValueError:
        return 0.0
