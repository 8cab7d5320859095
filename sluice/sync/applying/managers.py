"""Whose fields become ours: those that kubectl and Flux's kustomize-controller have set on an object that git holds.

A server-side apply takes a field away only where no other manager has it. What `kubectl set env` has set, or what git
dropped after kubectl or Flux had applied it, would stay for ever. So their entries of `metadata.managedFields` are joined
to ours first, and the next apply brings the object to git and nothing else. Entries of subresources (scale, status)
stay whose they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Object = dict[str, Any]
TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("kustomize-controller", "Apply"),
    ("kustomize-controller", "Update"),
)
"""Names begin with this, `kubectl-edit` and `kubectl-set` among them. To keep a change of one's own, name another manager:
`kubectl --field-manager=flux-client-side-apply`, as with Flux."""
RESTARTED_AT = "f:kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes into a template: an order, and no change of what git says. Taken away, the new pods
would be replaced once more, or the restart stopped half way."""
DROPPED = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kustomize.toolkit.fluxcd.io/checksum",
    "fluxcd.io/sync-checksum",
)
"""Annotations of those who applied before: a later `kubectl apply` would count from what they say."""


def takeover(live: Object, manager: str) -> Object | None:
    """A JSON merge patch that makes these fields `manager`'s; None where there is nothing to take over.

    Args:
        live: the object as it is in the cluster. The patch is fenced by its resourceVersion.
        manager: our field manager.
    """
    meta = live["metadata"]
    entries = joined(meta.get("managedFields") or [], manager)
    gone = [name for name in DROPPED if name in (meta.get("annotations") or {})]
    if entries is None and not gone:
        return None
    body: Object = {"resourceVersion": meta["resourceVersion"]}
    if entries is not None:
        body["managedFields"] = entries
    if gone:
        body["annotations"] = dict.fromkeys(gone)
    return {"metadata": body}


def joined(entries: Sequence[Object], manager: str) -> list[Object] | None:
    """The entries with those that are taken over joined to the manager's own; None where there are none."""
    taken = [one for one in entries if is_taken(one, manager)]
    if not taken:
        return None
    own = [one for one in entries if one.get("manager") == manager and one.get("operation") == "Apply" and _whole(one)]
    rest = [one for one in entries if one not in taken and one not in own]
    fields: Object = {}
    for one in (*own, *taken):
        fields = _union(fields, _without_restart(one.get("fieldsV1") or {}))
    first = (own or taken)[0]
    return [*rest, {**first, "manager": manager, "operation": "Apply", "fieldsV1": fields}]


def is_taken(entry: Object, manager: str) -> bool:
    """Whether what an entry of managedFields says becomes `manager`'s."""
    name, operation = str(entry.get("manager")), entry.get("operation")
    if not _whole(entry):
        return False
    # What we have made by other means than applying is ours by another name.
    if name == manager and operation == "Update":
        return True
    if not any(name.startswith(prefix) and operation == of for prefix, of in TAKEN_OVER):
        return False
    fields = entry.get("fieldsV1") or {}
    return not fields or bool(_without_restart(fields))


def _without_restart(fields: Object) -> Object:
    """The fields without the order to restart; empty where there is nothing else."""
    if RESTARTED_AT in fields and fields.keys() <= {RESTARTED_AT, "."}:
        return {}
    kept = {key: (below, _without_restart(below)) for key, below in fields.items() if key != RESTARTED_AT}
    return {key: left for key, (below, left) in kept.items() if left or not below}


def _whole(entry: Object) -> bool:
    return not entry.get("subresource")


def _union(one: Object, other: Object) -> Object:
    both = dict(one)
    for key, below in other.items():
        both[key] = _union(both[key], below) if key in both else below
    return both
