"""What was changed by hand in the objects of a release, apart from what its user lets differ and what a rollout owns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sluice.manifests.ignoring import IgnoreRule
from sluice.sync.drift.differences import Difference, differences
from sluice.sync.drift.findings import Finding, changed, finding_of
from sluice.sync.drift.managers import applied_entry

Object = dict[str, Any]
MANAGER = "helm"
OWNED_BY_ROLLOUTS = ("/spec/replicas", "/spec/paused", "/spec/updateStrategy")
"""Of a rollout's target."""


def drift_of(manifest: Object, live: Object, rules: Sequence[IgnoreRule], *, target: bool = False) -> Finding | None:
    """What of an object is not as the release has it; None where nothing is.

    Args:
        manifest: as helm has applied it.
        live: the whole object.
        target: whether a rollout releases it.
    """
    if applied_entry(live, MANAGER) is not None:
        # What people add is theirs: as in Flux, only what the release names is looked at.
        found = changed(manifest, live, MANAGER, takes=False)
    else:
        # Applied from the client's side, nobody owns a field: only what really differs was changed.
        found = [one for one in differences(manifest, live, {}) if not _within(one.wanted, one.found)]
    ignored = [path for rule in rules if rule.about(manifest) for path in rule.paths]
    if target:
        ignored += OWNED_BY_ROLLOUTS
    kept = [one for one in found if not _ignored(pointer(one, manifest), ignored)]
    return finding_of(manifest, live, MANAGER, kept)


def pointer(one: Difference, manifest: Object) -> str:
    """The JSON pointer of a difference, as rules name fields."""
    at: Any = manifest
    parts = []
    for key in one.keys:
        kind, _, rest = key.partition(":")
        if kind == "f":
            parts.append(rest.replace("~", "~0").replace("/", "~1"))
            at = at.get(rest) if isinstance(at, dict) else None
        else:
            index = _index(at, kind, rest)
            parts.append(str(index))
            at = at[index] if isinstance(at, list) and 0 <= index < len(at) else None
    return "/" + "/".join(parts)


def _ignored(path: str, rules: Sequence[str]) -> bool:
    return any(rule in {"", "/"} or path == rule or path.startswith(f"{rule.rstrip('/')}/") for rule in rules)


def _index(items: Any, kind: str, rest: str) -> int:
    if not isinstance(items, list):
        return -1
    wanted = json.loads(rest)
    for at, item in enumerate(items):
        if kind == "v" and item == wanted:
            return at
        if kind == "k" and isinstance(item, dict) and all(item.get(name) == value for name, value in wanted.items()):
            return at
    return -1


def _within(wanted: Any, found: Any) -> bool:
    """Whether all that is wanted is there, whatever the API server has filled in."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and _within(value, found[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_within, wanted, found))
    return bool(wanted == found) or str(wanted) == str(found)
