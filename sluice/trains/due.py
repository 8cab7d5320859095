"""Whether a Train has something to do."""

from __future__ import annotations

from sluice.errors import InvalidError
from sluice.manifests.own.train import FINALIZER, Train
from sluice.trains.timetable import check, due_bell


def due(train: Train, now: float) -> str:
    """What it is due for, the same text for as long as it is the same thing; empty where there is nothing to do."""
    if train.under_way:
        return f"under way since {train.status.departed:g}"
    if train.metadata.deletion_timestamp:
        return "deleted" if FINALIZER in train.metadata.finalizers else ""
    if train.changed:
        return f"generation {train.metadata.generation}"
    if train.asked:
        return f"asked {train.asked}"
    bell = _bell(train, now)
    return f"bell {bell:g}" if bell else ""


def _bell(train: Train, now: float) -> float | None:
    try:
        for index, departure in enumerate(train.spec.departures):
            check(departure, f"spec.departures[{index}]")
    except InvalidError:
        return None  # it says so itself
    return due_bell(train, now)
