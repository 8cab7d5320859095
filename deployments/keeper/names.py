"""Which Canaries an object may matter to, and whether it has changed in a way that may matter to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, LEASE
from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.side import Side
from sluice.rollout.services import service_of

Object = dict[str, Any]
LEASES = "sluice-"
"""Beginning of the name of a Canary's Lease."""


def names_of(item: Object) -> set[str]:
    """The names that a Canary's objects have; its own for its Lease."""
    try:
        canary = Canary.parse(item)
    except InvalidError:
        return set()
    sides = {service_of(canary, side) for side in Side}
    return {canary.name, canary.target, canary.primary, canary.baseline, canary.service_name, *sides}


def owners_of(item: Object) -> Iterator[str]:
    """The names of the Canaries that own an object."""
    for owner in item["metadata"].get("ownerReferences") or []:
        if owner.get("kind") == Canary.kind:
            yield str(owner.get("name"))


def lease_of(name: str) -> str:
    """The Canary that a Lease is of; a name of none where it is no Canary's."""
    return name.removeprefix(LEASES) if name.startswith(LEASES) else ""


def journal_of(canary: Object) -> tuple[object, ...]:
    """What of a Canary decides which objects there are to be, and how."""
    meta, status = canary["metadata"], canary.get("status") or {}
    about = tuple(meta.get(name) for name in ("uid", "generation", "deletionTimestamp"))
    return *about, status.get("phase"), status.get("lastPromotedSpec"), status.get("lastAppliedSpec")


def marks(kind: Kind, item: Object) -> int:
    """What changes when an object changes in a way that may matter: a status has counts that change all the time."""
    meta = item["metadata"]
    known = {name: meta.get(name) for name in ("uid", "labels", "annotations", "ownerReferences", "deletionTimestamp")}
    if kind == CANARY:
        status = item.get("status") or {}
        known |= {name: status.get(name) for name in ("phase", "lastPromotedSpec", "conditions")}
        known |= {"generation": meta.get("generation"), "finalizers": meta.get("finalizers")}
    elif kind == LEASE:
        known |= {"holder": (item.get("spec") or {}).get("holderIdentity")}
    else:
        known |= {"version": meta.get("generation") or meta.get("resourceVersion")}
    return hash(repr(known))
