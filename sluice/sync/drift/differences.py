"""Differences between a manifest and the object that it was applied to, field by field.

What the API server fills in is nobody's change: only fields that the manifest names, or that we still own, are looked at.
The set of fields that we own says how a list is read: by a key, as a set, or as a whole.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sluice.sync.drift.managers import Fields, Keys

Object = dict[str, Any]
ABSENT = type("Absent", (), {"__repr__": lambda _: "absent", "__bool__": lambda _: False})()
"""In the place of a value that is not there: null is a value."""
IDENTITY = frozenset({"apiVersion", "kind", "status"})
"""What is nobody's to own: identity, and what a controller says of an object."""
EMPTY: tuple[Any, ...] = (None, {}, [])
"""What many kinds leave out where a manifest writes it."""
META = frozenset({"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not as the manifest has it.

    Attributes:
        path: as people write it, such as `spec.template.spec.containers[name=shop].image`.
        keys: its path in managedFields.
        wanted: as the manifest has it; ABSENT where it no longer names the field.
        found: as the object has it; ABSENT where it has none.
        ours: whether we still own it. Then nobody else has changed it: git did, or the API server writes it in its own way
            (a quantity, an admission webhook).
    """

    path: str
    keys: Keys
    wanted: Any
    found: Any
    ours: bool


def differences(manifest: Object, live: Object, fields: Fields) -> list[Difference]:
    """What of the object is not as the manifest has it.

    Args:
        manifest: as it would be applied.
        live: the whole object.
        fields: what we own of it.
    """
    wanted, owned = _written(manifest), dict(fields)
    if manifest["kind"] == "Secret" and "f:stringData" in owned:
        owned["f:data"] = {**owned.get("f:data", {}), **owned.pop("f:stringData")}
    return list(_map("", (), wanted, live, owned))


def _written(manifest: Object) -> Object:
    """The manifest without what cannot be applied; a Secret's `stringData` where it ends up."""
    written = {key: value for key, value in manifest.items() if key not in IDENTITY}
    written["metadata"] = {key: value for key, value in manifest["metadata"].items() if key not in META}
    if manifest["kind"] == "Secret" and written.get("stringData"):
        plain = {key: base64.b64encode(str(text).encode()).decode() for key, text in written.pop("stringData").items()}
        written["data"] = {**(written.get("data") or {}), **plain}
    return written


def _walk(path: str, keys: Keys, wanted: Any, found: Any, fields: Fields) -> Iterator[Difference]:
    below = [key for key in fields if key != "."]
    if wanted is ABSENT or found is ABSENT:
        if wanted or found:
            yield Difference(path, keys, wanted, found, ours=True)
    elif below and all(key.startswith("f:") for key in below) and isinstance(wanted, dict) and isinstance(found, dict):
        yield from _map(path, keys, wanted, found, fields)
    elif below and all(key.startswith("k:") for key in below) and _are_lists(wanted, found):
        yield from _by_key(path, keys, wanted, found, fields)
    elif below and all(key.startswith("v:") for key in below) and _are_lists(wanted, found):
        yield from _set(path, keys, wanted, found, fields)
    elif wanted != found and not (wanted in EMPTY and found in EMPTY):
        yield Difference(path, keys, wanted, found, ours=True)


def _map(path: str, keys: Keys, wanted: Object, found: Object, fields: Fields) -> Iterator[Difference]:
    for name, value in wanted.items():
        key, there = f"f:{name}", found.get(name, ABSENT)
        if key in fields:
            yield from _walk(_dotted(path, name), (*keys, key), value, there, fields[key])
        elif value not in EMPTY or there not in (*EMPTY, ABSENT):
            yield from _lost(_dotted(path, name), (*keys, key), value, there)
    for key in fields:
        if key.startswith("f:") and key[2:] not in wanted:
            name = key[2:]
            yield from _walk(_dotted(path, name), (*keys, key), ABSENT, found.get(name, ABSENT), fields[key])


def _lost(path: str, keys: Keys, wanted: Any, found: Any) -> Iterator[Difference]:
    """A field that is no longer ours; of one with fields of its own, which of these."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name, value in wanted.items():
            yield from _lost(_dotted(path, name), (*keys, f"f:{name}"), value, found.get(name, ABSENT))
        return
    yield Difference(path, keys, wanted, found, ours=False)


def _by_key(path: str, keys: Keys, wanted: list[Any], found: list[Any], fields: Fields) -> Iterator[Difference]:
    left = list(wanted)
    for key in (key for key in fields if key != "."):
        marks: Object = json.loads(key[2:])
        place = f"{path}[{','.join(f'{name}={value}' for name, value in marks.items())}]"
        ours, theirs = _at(left, marks), _at(found, marks)
        if ours is not ABSENT:
            left.remove(ours)
        yield from _walk(place, (*keys, key), ours, theirs, fields[key])
    for one in left:
        name = next((one[mark] for mark in ("name", "key", "port") if isinstance(one, dict) and mark in one), "?")
        there = next((its for its in found if isinstance(its, dict) and name in its.values()), ABSENT)
        yield Difference(f"{path}[{name}]", keys, one, there, ours=False)


def _set(path: str, keys: Keys, wanted: list[Any], found: list[Any], fields: Fields) -> Iterator[Difference]:
    owned = [json.loads(key[2:]) for key in fields if key != "."]
    for value in wanted:
        if value not in owned or value not in found:
            there = value if value in found else ABSENT
            yield Difference(f"{path}[{value}]", (*keys, f"v:{json.dumps(value)}"), value, there, ours=value in owned)
    for value in owned:
        if value not in wanted:
            yield Difference(f"{path}[{value}]", (*keys, f"v:{json.dumps(value)}"), ABSENT, value, ours=True)


def _at(items: Sequence[Any], marks: Object) -> Any:
    """The item with this key; what a manifest leaves out of a key is its default."""
    for one in items:
        named = isinstance(one, dict) and any(name in one for name in marks)
        if named and all(one.get(name, value) == value for name, value in marks.items()):
            return one
    return ABSENT


def _are_lists(*values: Any) -> bool:
    return all(isinstance(value, list) for value in values)


def _dotted(path: str, name: str) -> str:
    shown = f"[{name}]" if "." in name or "/" in name else name
    return shown if not path else f"{path}{shown}" if shown.startswith("[") else f"{path}.{shown}"
