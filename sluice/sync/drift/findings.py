"""What was changed by hand in an object, by whom and when, in words that people may read.

Values of a Secret are never among them. What is said is bounded: a few fields of an object, a few characters of a value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from sluice.sync.applying.managers import joined
from sluice.sync.drift.differences import ABSENT, Difference, differences
from sluice.sync.drift.managers import Keys, Manager, applied_entry, applied_fields, entries, others, owns
from sluice.sync.objects import ObjectId, identity

Object = dict[str, Any]
MOST_FIELDS, LONGEST = 5, 60
"""Fields of an object that are named, and characters of a value."""
AUDIT = ("sluice.dev/changed-by", "kubernetes.io/change-cause")
"""Annotations that may say who changed an object: one that an admission policy can be made to write, and kubectl's."""
HIDDEN = "(hidden)"


class FieldChange(BaseModel):
    """A field that somebody changed: as git has it, and as it is; `same` where only its owner is another one."""

    model_config = ConfigDict(frozen=True)
    path: str
    wanted: str
    found: str
    who: Manager | None = None
    same: bool = False

    def __str__(self) -> str:
        by = f" ({self.who}{f', {self.who.time}' if self.who.time else ''})" if self.who else ""
        if self.same:
            return f"{self.path} is no longer managed by sluice{by}"
        return f"{self.path} is {self.found}, git says {self.wanted}{by}"


class Finding(BaseModel):
    """An object that is not as it was applied.

    Attributes:
        object: which.
        gone: whether somebody deleted it.
        fields: what was changed; empty where it is gone.
        audit: who did it by the object's own annotation; empty where it has none.
        version: of the object that it was found in, or the uid of the one that is gone: what tells this change from the same
            one done once more.
    """

    model_config = ConfigDict(frozen=True)
    object: ObjectId
    gone: bool = False
    fields: tuple[FieldChange, ...] = ()
    audit: str = ""
    version: str = ""

    @property
    def who(self) -> str:
        """Who did it, as far as it is known; empty where it is not."""
        names = dict.fromkeys(str(one.who) for one in self.fields if one.who)
        return ", ".join((*names, *((self.audit,) if self.audit else ())))

    @property
    def mark(self) -> str:
        """What makes two findings the same news: what was changed and by whom, not when."""
        return f"{self.object}|{self.gone}|{sorted(one.path for one in self.fields)}|{self.who}"

    def __str__(self) -> str:
        if self.gone:
            return f"{self.object} was deleted"
        named = "; ".join(str(one) for one in self.fields[:MOST_FIELDS])
        rest = len(self.fields) - MOST_FIELDS
        audit = f"; by its annotation: {self.audit}" if self.audit else ""
        return f"{self.object}: {named}{f' and {rest} fields more' if rest > 0 else ''}{audit}"


def gone(manifest: Object, uid: str = "") -> Finding:
    """What there is to say of an object that is not there any more: nobody's name is left. `uid` is what it had."""
    return Finding(object=identity(manifest), gone=True, version=uid)


def finding(manifest: Object, live: Object, manager: str, *, takes: bool = True) -> Finding | None:
    """What somebody else changed in an object; None where nobody did.

    Args:
        manifest: as it would be applied.
        live: the whole object.
        manager: our field manager.
        takes: whether what people add with kubectl is put right as well.
    """
    return finding_of(manifest, live, manager, changed(manifest, live, manager, takes=takes))


def finding_of(manifest: Object, live: Object, manager: str, theirs: Sequence[Difference]) -> Finding | None:
    """What there is to say of these differences, which somebody else has made; None where there are none."""
    if not theirs:
        return None
    secret = manifest["kind"] == "Secret"
    fields = tuple(
        FieldChange(
            path=one.path,
            wanted=_shown(one.wanted, secret),
            found=_shown(one.found, secret),
            who=_who(live, manager, one.keys),
            same=one.wanted == one.found,
        )
        for one in theirs
    )
    annotations = live["metadata"].get("annotations") or {}
    audit = next((str(annotations[name])[:LONGEST] for name in AUDIT if annotations.get(name)), "")
    version = str(live["metadata"].get("resourceVersion", ""))
    return Finding(object=identity(manifest), fields=fields, audit=audit, version=version)


def changed(manifest: Object, live: Object, manager: str, *, takes: bool = True) -> list[Difference]:
    """The fields of which somebody else has made what they are; the arguments are those of `finding`."""
    own = applied_fields(live, manager)
    union = joined(list(entries(live)), manager) if takes else None
    found = differences(manifest, live, union[-1]["fieldsV1"] if union else own)
    return [one for one in found if not (one.ours and owns(own, one.keys))]


def _who(live: Object, manager: str, keys: Keys) -> Manager | None:
    """Who owns the field now. Of one that was removed nobody does: then the last who wrote after us."""
    rivals = others(live, manager)
    for who, fields in rivals:
        if owns(fields, keys):
            return who
    since = str((applied_entry(live, manager) or {}).get("time") or "")
    return next((who for who, _ in rivals if who.time and who.time >= since), None)


def _shown(value: Any, secret: bool) -> str:
    if value is ABSENT:
        return "absent"
    if secret:
        return HIDDEN
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
