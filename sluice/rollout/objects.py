"""The objects that a Canary brings forth or takes over: who owns them, and the label that selects each side's pods."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Any

from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.manifests.flux.kustomization import PRUNE_ANNOTATION, RECONCILE_ANNOTATION

Object = dict[str, Any]
SELECTOR_LABELS = ("app", "name", "app.kubernetes.io/name")
"""Labels that may tell a workload's pods; the first one that its selector uses is rewritten for the primary."""
REVISION_ANNOTATION = "sluice.dev/revision"
"""On the primary: the revision whose template it was last given."""
MANAGED_BY = {"app.kubernetes.io/managed-by": "sluice"}
GOVERNED_BY = "sluice.dev/canary"
"""On an object of somebody's own that was taken over: the name of the Canary that governs it."""
BEFORE = "sluice.dev/before"
"""On such an object: what was changed of its spec, as it was, for putting it back."""
SPARED = dict.fromkeys((RECONCILE_ANNOTATION, PRUNE_ANNOTATION, "helm.toolkit.fluxcd.io/driftDetection"), "disabled")
"""On such an object, as Flux documents it and Flagger does it: Flux's controllers neither apply nor prune what is marked so,
as sluice's own sync leaves it alone. What its owner had said there is remembered and put back."""
OWN_WORDS = "annotations"
"""In what is remembered of an object's spec: what its owner had in the annotations of `SPARED`."""

TARGET_PODS = "sluice.dev/target-pods"
"""On an apex Service that is the route: the label that tells the target's pods, `name=value`."""


class Ownership(StrEnum):
    """Whose an object is that has a name which a Canary uses."""

    OURS = "this Canary's"
    UNOWNED = "no controller's"
    """As an application's own Service or route is; it may be marked as governed by this Canary."""
    FOREIGN = "somebody else's"
    EARLIER = "an earlier Canary's"
    """Of the same name, deleted: the object goes with it."""
    LEAVING = "being deleted"


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


def ownership(canary: Canary, item: Object) -> Ownership:
    """Whose an object is."""
    meta = item["metadata"]
    owners = meta.get("ownerReferences") or []
    if meta.get("deletionTimestamp"):
        return Ownership.LEAVING
    if is_owned(canary, item):
        return Ownership.OURS
    if any(_of_that_name(canary, one) for one in owners):
        return Ownership.EARLIER
    if any(one.get("controller") for one in owners) or _note(item, GOVERNED_BY) not in {"", canary.name}:
        return Ownership.FOREIGN
    return Ownership.UNOWNED


def is_made(canary: Canary, item: Object) -> bool:
    """Whether sluice made an object: this Canary owns it, or it has sluice's label and no owner, as from a backup."""
    labels = item["metadata"].get("labels") or {}
    if ownership(canary, item) is Ownership.UNOWNED:
        return labels.items() >= MANAGED_BY.items() and not is_taken_over(item)
    return ownership(canary, item) is Ownership.OURS


def is_ours_to_write(canary: Canary, item: Object) -> bool:
    """Whether an object that leads users in is written for this Canary: made for it, or anybody's own that it may govern."""
    return ownership(canary, item) in {Ownership.OURS, Ownership.UNOWNED}


def is_taken_over(item: Object) -> bool:
    """Whether an object of somebody's own is governed by a Canary."""
    return bool(_note(item, GOVERNED_BY))


def check_claimable(canary: Canary, item: Object) -> None:
    """Refuse an object that a Canary may neither write nor rely on; one that is nobody's may be taken over.

    Raises:
        InvalidError: it is somebody else's; the message names it, its owner and the way out.
        TransientError: it is on its way out: it has to be gone before this Canary's can be made.
    """
    what = f"{item['kind']} {canary.namespace}/{item['metadata']['name']}"
    whose = ownership(canary, item)
    if whose is Ownership.FOREIGN:
        raise InvalidError(f"{canary}: {what} belongs to {_owner_of(item)}: {_WAY_OUT}")
    if whose is Ownership.EARLIER:
        raise TransientError(
            f"{what} belongs to an earlier Canary {canary.name} and goes with it: waiting until it is gone"
        )
    if whose is Ownership.LEAVING:
        raise TransientError(
            f"{what} is being deleted: waiting until it is gone; if it stays, its metadata.finalizers say what it waits for"
        )


def check_made(canary: Canary, item: Object) -> None:
    """Refuse an object under a name that sluice gives (`-primary`, `-canary`, `-baseline`) and that sluice did not make.

    Raises:
        InvalidError: somebody else made it; the message names it and the way out.
        TransientError: it is on its way out: it has to be gone before this Canary's can be made.
    """
    check_claimable(canary, item)
    if not is_made(canary, item):
        what = f"{item['kind']} {canary.namespace}/{item['metadata']['name']}"
        raise InvalidError(f"{canary}: {what} exists and was not made by sluice, which needs that name: {_WAY_OUT}")


_WAY_OUT = "delete or rename it, or use another name in the Canary (spec.service.name, spec.targetRef.name)"


def taken_over(canary: Canary, item: Object, before: Object) -> dict[str, str]:
    """The annotations of an object that is taken over; what it was is kept as it was at the first time.

    Args:
        before: what is about to be changed of its spec, as it is now.
    """
    words = {name: _note(item, name) for name in SPARED if _note(item, name)}
    was = before | ({OWN_WORDS: words} if words else {})
    known = SPARED | {GOVERNED_BY: canary.name, BEFORE: _note(item, BEFORE) or json.dumps(was, sort_keys=True)}
    return {name: value for name, value in known.items() if _note(item, name) != value}


def given_back(item: Object) -> dict[str, str | None]:
    """The annotations of an object that was taken over, as they are put back: sluice's go, its owner's are as before."""
    words = _remembered(item).get(OWN_WORDS)
    own = {name: str(words[name]) for name in SPARED if name in words} if isinstance(words, dict) else {}
    return {**dict.fromkeys((GOVERNED_BY, BEFORE, *SPARED)), **own}


def before(item: Object) -> Object:
    """What an object that was taken over had in its spec; empty where nothing is known of it."""
    return {name: value for name, value in _remembered(item).items() if name != OWN_WORDS}


def _remembered(item: Object) -> Object:
    try:
        known = json.loads(_note(item, BEFORE) or "{}")
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _note(item: Object, name: str) -> str:
    return str((item["metadata"].get("annotations") or {}).get(name) or "")


def _of_that_name(canary: Canary, owner: Object) -> bool:
    group = str(owner.get("apiVersion", "")).partition("/")[0]
    named = (group, owner.get("kind"), owner.get("name"))
    return named == (canary.api_version.partition("/")[0], canary.kind, canary.name)


def _owner_of(item: Object) -> str:
    controllers = [one for one in item["metadata"].get("ownerReferences") or [] if one.get("controller")]
    return ", ".join(f"{one['kind']} {one['name']}" for one in controllers) or f"Canary {_note(item, GOVERNED_BY)}"


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
