"""What a sync would change in an object, as lines that people read: a unified diff of YAML, Secret values masked.

Left out is what nobody applies: status, managedFields, versions, times. A Secret's values are shown as equal or different,
and nothing else is said of them.
"""

from __future__ import annotations

import difflib
from typing import Any

import yaml

from sluice.sync.objects import identity

Object = dict[str, Any]
NOT_APPLIED = frozenset({"managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"})
SAME, BEFORE, AFTER = "***", "*** (before)", "*** (after)"
MOST_LINES = 400
"""Lines of the diff of one object."""


def diff(before: Object | None, after: Object | None) -> list[str]:
    """The lines of the difference; empty where there is none.

    Args:
        before: the object as it is; None where it is not there.
        after: as the API server would have it; None where it would be deleted.
    """
    name = str(identity(after or before or {}))
    old, new = _comparable(before), _comparable(after)
    if (after or before or {}).get("kind") == "Secret":
        old, new = _masked(old, new)
    lines = list(difflib.unified_diff(_lines(old), _lines(new), f"cluster: {name}", f"git: {name}", n=2, lineterm=""))
    rest = len(lines) - MOST_LINES
    return lines if rest <= 0 else [*lines[:MOST_LINES], f"… and {rest} lines more"]


def _comparable(item: Object | None) -> Object | None:
    if item is None:
        return None
    meta = {key: value for key, value in item["metadata"].items() if key not in NOT_APPLIED}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": meta}


def _masked(old: Object | None, new: Object | None) -> tuple[Object | None, Object | None]:
    """Both with marks in the place of values; also in the annotation that has a copy of them."""
    for part in ("data", "stringData"):
        left, right = (old or {}).get(part) or {}, (new or {}).get(part) or {}
        marks = {name: SAME if left.get(name) == right.get(name) else "" for name in left.keys() | right.keys()}
        old = old and {**old, **({part: {name: marks[name] or BEFORE for name in left}} if left else {})}
        new = new and {**new, **({part: {name: marks[name] or AFTER for name in right}} if right else {})}
    return _without_copy(old), _without_copy(new)


def _without_copy(item: Object | None) -> Object | None:
    name = "kubectl.kubernetes.io/last-applied-configuration"
    if item is None or name not in (item["metadata"].get("annotations") or {}):
        return item
    annotations = {**item["metadata"]["annotations"], name: SAME}
    return {**item, "metadata": {**item["metadata"], "annotations": annotations}}


def _lines(item: Object | None) -> list[str]:
    return yaml.safe_dump(item, sort_keys=True, allow_unicode=True, width=1000).splitlines() if item else []
