"""What an object says of its writes: when it was last given what it is to be, and whether it is what somebody wrote."""

from __future__ import annotations

import datetime
from typing import Any


def written_at(item: dict[str, Any]) -> float:
    """Seconds since 1970 at which the object's spec was last changed by anyone, or it was made.

    A workload counts by its pod template: a change of its replicas is no new revision.

    Args:
        item: the object with its `metadata.managedFields`, whose times the API server sets when a manager changes a field
            (https://kubernetes.io/docs/reference/using-api/server-side-apply/#timestamps).
    """
    meta, wanted = item["metadata"], "f:template" if "template" in item["spec"] else None
    times = [meta.get("creationTimestamp")]
    for entry in meta.get("managedFields") or []:
        fields = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        if fields and (wanted is None or wanted in fields):
            times.append(entry.get("time"))
    return max((_seconds(time) for time in times if time), default=0.0)


def is_another(now: dict[str, Any] | None, then: dict[str, Any]) -> bool:
    """Whether an object was deleted since, and another one perhaps made under its name: what was known of it holds no more.

    A generation says nothing there: each object counts its own.
    """
    return now is None or now["metadata"].get("uid") != then["metadata"].get("uid")


def shows(now: dict[str, Any] | None, written: dict[str, Any]) -> bool:
    """Whether an object is the one that was written, as that write left it or later."""
    if now is None or is_another(now, written):
        return False
    return int(now["metadata"].get("generation", 0)) >= int(written["metadata"].get("generation", 0))


def _seconds(time: str) -> float:
    return datetime.datetime.fromisoformat(time).timestamp()
