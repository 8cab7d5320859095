"""When an object was last given what it is to be, as the API server recorded it."""

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


def _seconds(time: str) -> float:
    return datetime.datetime.fromisoformat(time).timestamp()
