"""What of a rendered object a sync must not touch, because a rollout owns it.

What users' traffic goes through (the apex Service, the route) is a Canary's from its first rollout on: a sync that put the
selector or the weights of git back would send users to pods that are scaled to 0. All of such an object is left alone, as
Flux does with what Flagger manages.

A Canary's target is scaled to 0 between releases and up for each one. A sync that set `spec.replicas` from git would
start pods of a version that nobody has judged, or stop the one that is being judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kustomization import GROUP
from sluice.sync.objects import Object, ObjectId, identity

SERVICE = ("", "Service")
ROUTES = {"gatewayapi": ("gateway.networking.k8s.io", "HTTPRoute"), "kubernetes": SERVICE}
"""What divides the traffic, group and kind, by the first part of a Canary's `spec.provider`; its name is the Service's."""
GOVERNED_BY = "sluice.dev/canary"
"""On an object of somebody's own that a rollout took over: the name of the Canary that governs it."""
Place = tuple[str, str, str, str]
"""Group, kind, namespace and name: an object, whatever version it is written in."""


@dataclass(frozen=True, slots=True)
class Governed:
    """What Canaries govern.

    Attributes:
        canaries: namespace and name of each that a rollout has begun for.
        places: their apex Services and routes.
    """

    canaries: frozenset[tuple[str, str]]
    places: frozenset[Place]

    @classmethod
    def by(cls, canaries: Iterable[Canary]) -> Self:
        """What these Canaries govern."""
        begun = [canary for canary in canaries if canary.status.phase is not None]
        places = {
            (*of, canary.namespace, canary.service_name)
            for canary in begun
            for of in (SERVICE, ROUTES.get(canary.spec.provider.partition(":")[0], SERVICE))
        }
        return cls(frozenset((canary.namespace, canary.name) for canary in begun), frozenset(places))

    def has(self, live: Object) -> bool:
        """Whether an object of the cluster is one of them: by its name, by its owner, or because it was taken over."""
        known, meta = identity(live), live["metadata"]
        owners: list[dict[str, Any]] = meta.get("ownerReferences") or []
        names = [str(one.get("name")) for one in owners if one.get("controller") and one.get("kind") == Canary.kind]
        names.append(str((meta.get("annotations") or {}).get(GOVERNED_BY)))
        if any((known.namespace, name) in self.canaries for name in names):
            return True
        return (known.group, known.kind, known.namespace, known.name) in self.places


def rollout_targets(canaries: Iterable[Canary]) -> frozenset[ObjectId]:
    """The workloads of which a rollout manages some fields: the targets of Canaries that have been begun."""
    return frozenset(
        ObjectId(
            group="apps",
            version="v1",
            kind=canary.spec.target_ref.kind,
            namespace=canary.namespace,
            name=canary.target,
        )
        for canary in canaries
        if canary.status.phase is not None
    )


def yielding_replicas(manifest: Object, live: Object | None, manager: str) -> Object:
    """The manifest of a rollout's target, without the number of its replicas.

    Leaving a field out of a server-side apply gives it up, and a field that nobody else has set goes back to its
    default: one replica. So as long as `manager` alone holds it, the number is repeated as it is now, fenced by the
    resourceVersion that it was read with.

    Args:
        manifest: as rendered.
        live: the Deployment as it is in the cluster; None where it is not there, and then all of it is applied.
        manager: our field manager.
    """
    spec = manifest.get("spec") or {}
    if live is None or "replicas" not in spec:
        return manifest
    rest = {key: value for key, value in spec.items() if key != "replicas"}
    if not _alone(live, manager):
        return {**manifest, "spec": rest}
    meta = {**manifest["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}
    return {**manifest, "metadata": meta, "spec": {**rest, "replicas": (live.get("spec") or {}).get("replicas", 1)}}


def is_target(manifest: Object, targets: frozenset[ObjectId]) -> bool:
    """Whether a manifest is one of the rollouts' targets."""
    return identity(manifest) in targets


def owned(manifest: Object, namespace: str, name: str) -> Object:
    """The manifest with the labels by which Flux and sluice know whose Kustomization has applied an object."""
    meta = manifest["metadata"]
    return {**manifest, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **_owner(namespace, name)}}}


def is_owned(live: Object, namespace: str, name: str) -> bool:
    """Whether this Kustomization has applied the object.

    The inventory alone does not tell: what is about to be applied is in it too. Field managers do not either: an apply of
    a bare name leaves no trace among them.
    """
    labels: dict[str, str] = live["metadata"].get("labels") or {}
    return _owner(namespace, name).items() <= labels.items()


def owner_of(live: Object) -> tuple[str, str] | None:
    """Namespace and name of the Kustomization that has applied the object, as its labels say."""
    labels: dict[str, str] = live["metadata"].get("labels") or {}
    namespace, name = labels.get(f"{GROUP}/namespace"), labels.get(f"{GROUP}/name")
    return (namespace, name) if namespace and name else None


def owner_labels(live: Object) -> dict[str, str]:
    """The labels of an object that name its Kustomization."""
    labels: dict[str, str] = live["metadata"].get("labels") or {}
    return {name: value for name, value in labels.items() if name in _owner("", "")}


def _owner(namespace: str, name: str) -> dict[str, str]:
    return {f"{GROUP}/name": name, f"{GROUP}/namespace": namespace}


def _alone(live: Object, manager: str) -> bool:
    """Whether nobody but our apply has set the replicas."""
    holders: list[dict[str, Any]] = [
        entry
        for entry in live["metadata"].get("managedFields") or []
        if "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}) and entry.get("subresource") != "status"
    ]
    ours = [entry for entry in holders if entry.get("manager") == manager and entry.get("operation") == "Apply"]
    return bool(ours) and len(ours) == len(holders)
