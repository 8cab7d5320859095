"""managedFields: which field manager owns what of an object, as the API server writes it down.

A change of a field by anybody else takes the field away from the manager that applied it (kubernetes.io, "Server-Side
Apply", field management). So the set of fields that are still ours says whether somebody changed one of them, without
their values: metadata is enough.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

Object = dict[str, Any]
Fields = dict[str, Any]
Keys = tuple[str, ...]
"""A path in `fieldsV1`, such as `("f:data", "f:colour")`."""


class Manager(BaseModel):
    """A field manager: a program, or the subcommand of kubectl that a person used.

    Attributes:
        name: as it called itself.
        operation: `Apply` or `Update`.
        time: when it last wrote, RFC 3339; empty where the API server did not say.
        subresource: that it wrote through, such as `scale`.
    """

    model_config = ConfigDict(frozen=True)
    name: str
    operation: str = "Update"
    time: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        through = f" ({self.subresource})" if self.subresource else ""
        return f"{self.name}{through}"


def entries(item: Object) -> Iterator[Object]:
    """The entries of an object's managedFields."""
    yield from item["metadata"].get("managedFields") or ()


def applied_fields(item: Object, manager: str) -> Fields:
    """What `manager` applied and still owns; empty where it owns nothing."""
    entry = applied_entry(item, manager)
    return (entry.get("fieldsV1") or {}) if entry else {}


def applied_entry(item: Object, manager: str) -> Object | None:
    """The entry of what `manager` applied: there is one at most."""
    for entry in entries(item):
        if (entry.get("manager"), entry.get("operation")) == (manager, "Apply") and not entry.get("subresource"):
            return entry
    return None


def others(item: Object, manager: str) -> list[tuple[Manager, Fields]]:
    """What all but `manager` own, except what controllers say of an object in its status; the newest first."""
    found = []
    for entry in entries(item):
        if entry.get("manager") == manager or entry.get("subresource") == "status":
            continue
        who = Manager(
            name=str(entry.get("manager") or "somebody"),
            operation=str(entry.get("operation") or ""),
            time=str(entry.get("time") or ""),
            subresource=str(entry.get("subresource") or ""),
        )
        found.append((who, entry.get("fieldsV1") or {}))
    return sorted(found, key=lambda one: one[0].time, reverse=True)


def owns(fields: Fields, keys: Keys) -> bool:
    """Whether a path is among the fields, itself or as part of one that is owned as a whole."""
    for key in keys:
        if key not in fields:
            return False
        fields = fields[key]
        if not fields:
            return True
    return True


def without(item: Any, keys: Keys) -> Any:
    """The object without the field at this path of managedFields."""
    first, rest = keys[0], keys[1:]
    name = first[2:]
    if first.startswith("f:") and isinstance(item, dict) and name in item:
        below = without(item[name], rest) if rest else None
        kept = {key: value for key, value in item.items() if key != name}
        return {**kept, name: below} if below else kept
    if first.startswith("k:") and isinstance(item, list):
        marks = json.loads(name)
        left: list[Any] = []
        for one in item:
            its = isinstance(one, dict) and all(one.get(key) == value for key, value in marks.items())
            left += [one] if not its else [without(one, rest)] if rest else []
        return left
    return item
