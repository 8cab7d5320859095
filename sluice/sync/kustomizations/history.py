"""The history of a Kustomization: what was rendered, and how applying it ended, as Flux keeps it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime

from sluice.manifests.conditions import rfc3339
from sluice.manifests.flux.kustomization import Snapshot
from sluice.sync.objects import Object

MOST = 5
"""Snapshots that are kept."""


def digest_of(objects: Iterable[Object]) -> str:
    """The digest of what was rendered; the order of the objects says nothing."""
    texts = sorted(json.dumps(one, sort_keys=True, default=str) for one in objects)
    return f"sha256:{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()}"


def remembered(
    history: Iterable[Snapshot], digest: str, ended: str, now: datetime, took: float, about: dict[str, str]
) -> tuple[Snapshot, ...]:
    """The history with this attempt in front. One that ended as before with the same objects is counted there.

    Args:
        history: as it was.
        digest: of what was rendered.
        ended: the reason of the Ready condition.
        now: the moment, with a time zone.
        took: seconds.
        about: what else is known, such as the revision.
    """
    known = list(history)
    same = next((one for one in known if (one.digest, one.last_reconciled_status) == (digest, ended)), None)
    new = Snapshot(
        digest=digest,
        first_reconciled=same.first_reconciled if same else rfc3339(now),
        last_reconciled=rfc3339(now),
        last_reconciled_duration=f"{took:.3f}s",
        last_reconciled_status=ended,
        total_reconciliations=(same.total_reconciliations if same else 0) + 1,
        metadata=about,
    )
    return (new, *(one for one in known if one is not same))[:MOST]
