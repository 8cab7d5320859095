"""Fields that a sync leaves as they are in the cluster, because `spec.ignore` of the Kustomization names them.

To leave a field out of a server-side apply gives it up, and a field that nobody else has goes away with that. So what
others manage as well is left out, and what is ours alone is repeated as it is now, fenced by the resourceVersion that it was
read with. An object that is not there yet is made with all that git says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.sync.applying.managers import joined
from sluice.sync.drift.differences import ABSENT
from sluice.sync.drift.managers import Fields, applied_fields, entries

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns what below one field.

    Attributes:
        ours: what we own there; None where it is nothing.
        theirs: what each other manager owns there.
    """

    ours: Fields | None
    theirs: tuple[Fields, ...]

    def at(self, key: str) -> Owners:
        """Below one key of managedFields. Who owns a field as a whole owns what is in it."""
        ours = _below(self.ours, key) if self.ours is not None else None
        return Owners(ours, tuple(found for one in self.theirs if (found := _below(one, key)) is not None))

    def key_of(self, item: Any) -> str:
        """The key by which managedFields name an item of a list; empty where they do not."""
        return next((key for key in self.all_keys() if _is_item(item, json.loads(key[2:]))), "")

    def all_keys(self) -> list[str]:
        """The keys of all items that somebody owns, in a list whose items have keys."""
        found = [key for fields in (self.ours or {}, *self.theirs) for key in fields if key.startswith("k:")]
        return list(dict.fromkeys(found))

    @property
    def whole(self) -> bool:
        """Whether somebody owns the field as a whole: it has no parts then that could be somebody else's."""
        return self.ours == {} or {} in self.theirs


def yielding(manifest: Object, live: Object, pointers: Iterable[str], manager: str, *, takes: bool = True) -> Object:
    """The manifest as it is applied to an object some fields of which are left as they are.

    Args:
        manifest: as rendered.
        live: the object as it is in the cluster.
        pointers: JSON pointers of the fields.
        manager: our field manager.
        takes: whether what people have set with kubectl becomes ours first, and so is ours alone.
    """
    secret = manifest["kind"] == "Secret"
    wanted = _in_data(manifest) if secret else manifest
    owners = _owners(live, manager, takes=takes)
    found = wanted
    for pointer in pointers:
        first, *rest = _segments(pointer)
        # What a Secret has in `stringData` is in its `data` once it is stored.
        found = _at(found, live, owners, ("data" if secret and first == "stringData" else first, *rest))
    if found == wanted:
        return manifest
    if _is_part(found, wanted):
        return dict(found)
    return {**found, "metadata": {**found["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}


def _at(want: Any, have: Any, owners: Owners, path: Sequence[str]) -> Any:
    """What is wanted, with the field at this path as it is."""
    if not path:
        return _as_it_is(want, have, owners)
    first, rest = path[0], path[1:]
    if isinstance(want, list):
        if not first.isdecimal() or int(first) >= len(want):
            return want
        at = int(first)
        key = owners.key_of(want[at])
        if not key and owners.all_keys():
            return want  # an item that the object does not have yet
        there = _item(have, key) if key else _nth(have, at)
        below = _at(want[at], there, owners.at(key) if key else owners, rest)
        return [*want[:at], *([] if below is ABSENT else [below]), *want[at + 1 :]]
    if not (isinstance(want, dict) or (want is ABSENT and isinstance(have, dict))):
        return want
    there = have.get(first, ABSENT) if isinstance(have, dict) else ABSENT
    return _with(want, first, lambda value: _at(value, there, owners.at(f"f:{first}"), rest))


def _as_it_is(want: Any, have: Any, owners: Owners) -> Any:
    """The field as it is: left out where others have it, repeated where it is ours alone."""
    if isinstance(have, dict) and not owners.whole and ((want and isinstance(want, dict)) or want is ABSENT):
        found: Any = want
        for name in dict.fromkeys((*(want or ()), *have)):
            there, below = have.get(name, ABSENT), owners.at(f"f:{name}")
            found = _with(found, name, lambda value, it=there, its=below: _as_it_is(value, it, its))
        return found
    if isinstance(want, list) and isinstance(have, list) and owners.all_keys():
        return _items(want, have, owners)
    if want == have or owners.theirs:
        return want if want == have else ABSENT
    return ABSENT if want is ABSENT and owners.ours is None else have


def _items(want: list[Any], have: list[Any], owners: Owners) -> list[Any]:
    """Items of a list by their keys; those that are ours and that git no longer has stay."""
    named = [(item, owners.key_of(item)) for item in want]
    found = [_as_it_is(item, _item(have, key), owners.at(key)) if key else item for item, key in named]
    known = {key for _, key in named}
    ours = [key for key in owners.all_keys() if key in (owners.ours or {}) and key not in known]
    return [item for item in (*found, *(_item(have, key) for key in ours)) if item is not ABSENT]


def _with(want: Any, name: str, change: Any) -> Any:
    """A map with one value of it changed; a map that has nothing left is left out, unless it was empty before."""
    before = want if isinstance(want, dict) else {}
    below = change(before.get(name, ABSENT))
    if below is ABSENT:
        after = {key: value for key, value in before.items() if key != name}
        return want if after == before else after or ABSENT
    return {**before, name: below}


def _owners(live: Object, manager: str, *, takes: bool) -> Owners:
    every = list(entries(live))
    every = (joined(every, manager) if takes else None) or every
    item = {"metadata": {"managedFields": every}}
    ours = _merged(applied_fields(item, manager))
    mine = [one for one in every if (one.get("manager"), one.get("operation")) == (manager, "Apply")]
    theirs = [one for one in every if one not in mine and one.get("subresource") != "status"]
    return Owners(ours or None, tuple(_merged(one["fieldsV1"]) for one in theirs if one.get("fieldsV1")))


def _merged(fields: Fields) -> Fields:
    """A Secret's `stringData` is in its `data` once it is stored."""
    if "f:stringData" not in fields:
        return fields
    rest = {key: below for key, below in fields.items() if key != "f:stringData"}
    return {**rest, "f:data": {**rest.get("f:data", {}), **fields["f:stringData"]}}


def _is_part(found: Any, wanted: Any) -> bool:
    """Whether nothing is in the one that is not in the other: fields were left out, and none repeated."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return all(key in wanted and _is_part(value, wanted[key]) for key, value in found.items())
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return all(map(_is_part, found, wanted))
    return bool(found == wanted)


def _in_data(manifest: Object) -> Object:
    plain = manifest.get("stringData")
    if not plain:
        return manifest
    coded = {key: base64.b64encode(str(text).encode()).decode() for key, text in plain.items()}
    rest = {key: value for key, value in manifest.items() if key != "stringData"}
    return {**rest, "data": {**(manifest.get("data") or {}), **coded}}


def _below(fields: Fields, key: str) -> Fields | None:
    """What a manager owns below a key; None where it is nothing. A field without parts is owned as a whole."""
    return {} if not fields else fields.get(key)


def _segments(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def _item(items: Any, key: str) -> Any:
    marks = json.loads(key[2:])
    found = (one for one in items if _is_item(one, marks)) if isinstance(items, list) else iter(())
    return next(found, ABSENT)


def _nth(items: Any, at: int) -> Any:
    return items[at] if isinstance(items, list) and at < len(items) else ABSENT


def _is_item(item: Any, marks: Object) -> bool:
    """Whether an item has these marks; what a manifest leaves out of a key is its default."""
    named = isinstance(item, dict) and any(name in item for name in marks)
    return named and all(item.get(name, value) == value for name, value in marks.items())
