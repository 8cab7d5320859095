"""The objects that sluice makes for a Canary: who owns them, and the label that selects each side's pods, as in Flagger."""

from __future__ import annotations

from typing import Any

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side

Object = dict[str, Any]
SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
"""Labels that may tell a workload's pods; the first one that its selector uses is rewritten for the primary."""
REVISION_ANNOTATION = "sluice.dev/revision"
"""On the primary: the revision whose template it was last given."""
MANAGED_BY = {"app.kubernetes.io/managed-by": "sluice"}


def owner_of(canary: Canary) -> Object:
    """The reference that makes an object go when its Canary goes."""
    return {
        "apiVersion": canary.api_version,
        "kind": canary.kind,
        "name": canary.name,
        "uid": canary.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_owned(canary: Canary, item: Object) -> bool:
    """Whether sluice made an object for this Canary."""
    owners = item["metadata"].get("ownerReferences") or []
    return any(owner.get("uid") == canary.metadata.uid for owner in owners)


def selector_label(target: Object) -> tuple[str, str]:
    """The label that tells the target's pods from others, and its value.

    Raises:
        InvalidError: its selector uses none of the labels that sluice can rewrite.
    """
    labels = target["spec"]["selector"].get("matchLabels") or {}
    for name in SELECTOR_LABELS:
        if name in labels:
            return name, labels[name]
    raise InvalidError(
        f"{target['kind']} {target['metadata']['name']}: spec.selector.matchLabels needs one of {', '.join(SELECTOR_LABELS)}"
    )


def pod_labels(target: Object, side: Side) -> dict[str, str]:
    """What a Service selects one side's pods by: all that the target's selector asks for, not the rewritten label alone.

    Two applications that share a name and differ in another label never meet each other's users. A Service knows equalities
    only: what else the selector asks for cannot be said in one.
    """
    label, value = selector_label(target)
    selector = target["spec"]["selector"]
    single = {
        one["key"]: one["values"][0]
        for one in selector.get("matchExpressions") or []
        if one["operator"] == "In" and len(one["values"]) == 1
    }
    return {**single, **selector["matchLabels"], label: value if side is Side.CANARY else f"{value}-{side}"}


def pod_query(workload: Object) -> str:
    """The label query that finds a workload's pods, and no other's, by its whole selector."""
    selector = workload["spec"]["selector"]
    terms = [f"{name}={value}" for name, value in (selector.get("matchLabels") or {}).items()]
    for one in selector.get("matchExpressions") or []:
        key, values = one["key"], ",".join(one.get("values") or [])
        terms.append(_EXPRESSIONS[one["operator"]].format(key=key, values=values))
    return ",".join(terms)


_EXPRESSIONS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}
