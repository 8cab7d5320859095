"""What is remembered of an object that was applied, and what its metadata says of it since.

Neither a manifest nor an object is kept: a digest of the one, and of the other what changes when a field that was applied
is changed. With the watch that is about a kilobyte an object.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sluice.sync.applying.managers import is_taken
from sluice.sync.drift.managers import applied_entry, entries

Object = dict[str, Any]


class Change(StrEnum):
    """What became of an object, by its metadata."""

    NONE = "none"
    """It is as it was applied."""
    PERHAPS = "perhaps"
    """Only its fields can say."""
    GONE = "gone"
    """It is not there, or another one is in its place."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An object by its metadata.

    Attributes:
        uid: of the object.
        version: its resourceVersion as a number: of two, the later has the greater one.
        generation: 0 for kinds that have none.
        fields: a digest of the set of fields that we applied and still own, and of those that somebody has set whose fields
            become ours, such as a person with kubectl; empty where there are none.
        rest: a digest of what all others have written, but for what they wrote through a subresource.
        time: when we last changed the object by an apply.
    """

    uid: str
    version: int
    generation: int
    fields: bytes
    rest: bytes
    time: str


@dataclass(frozen=True, slots=True)
class Known:
    """An object as a sync left it.

    Attributes:
        digest: of the manifest that was applied.
        seen: what the API server answered.
    """

    digest: bytes
    seen: Seen


def digest(manifest: Object) -> bytes:
    """What tells two manifests apart."""
    return _digest(manifest)


def seen(item: Object, manager: str) -> Seen:
    """An object, or its metadata, as the API server has it.

    Args:
        item: it.
        manager: our field manager.
    """
    meta = item["metadata"]
    entry = applied_entry(item, manager) or {}
    fields = [entry["fieldsV1"]] if entry.get("fieldsV1") else []
    fields += [one.get("fieldsV1") for one in entries(item) if one is not entry and is_taken(one, manager)]
    rest = [one for one in entries(item) if one is not entry and not one.get("subresource")]
    return Seen(
        uid=str(meta.get("uid", "")),
        version=int(meta["resourceVersion"]),
        generation=int(meta.get("generation") or 0),
        fields=_digest(fields) if fields else b"",
        rest=_digest(rest) if rest else b"",
        time=str(entry.get("time") or ""),
    )


def change(known: Known, now: Seen | None) -> Change:
    """What became of an object since a sync left it.

    A status may change as often as it likes: it is written through a subresource, and changes no generation.
    """
    before = known.seen
    if now is None or now.uid != before.uid:
        return Change.GONE
    if now.version <= before.version:
        return Change.NONE  # as we left it, or a watch that has not brought our own write yet
    same = (now.generation, now.fields, now.rest) == (before.generation, before.fields, before.rest)
    return Change.NONE if same else Change.PERHAPS


def ours_changed(before: Seen, now: Seen | None) -> bool:
    """Whether somebody changed what we own: a field that changes hands leaves the set. Others' fields are theirs."""
    return now is None or now.uid != before.uid or (now.version > before.version and now.fields != before.fields)


def by_another(before: Seen, now: Seen) -> bool:
    """Whether somebody else changed what is ours between two looks, where nothing is known of our own writes.

    Our own apply sets the time of what it changed; somebody else's write takes fields away and leaves the time.
    """
    return now.uid == before.uid and now.fields != before.fields and now.time == before.time


def _digest(value: Any) -> bytes:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
