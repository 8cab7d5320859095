"""What users wish for single objects, by Flux's labels and annotations on them, in git or in the cluster."""

from __future__ import annotations

from sluice.manifests.flux.kustomization import GROUP, PRUNE_ANNOTATION, RECONCILE_ANNOTATION
from sluice.sync.objects import Object, ObjectId

OF_ALL = ("default", "kube-system", "kube-public", "kube-node-lease")
SSA, FORCE = f"{GROUP}/ssa", f"{GROUP}/force"


def left_alone(manifest: Object) -> bool:
    """Whether it must not be touched: `reconcile: disabled`, or `ssa: Ignore`."""
    return _says(manifest, RECONCILE_ANNOTATION, "disabled") or _says(manifest, SSA, "Ignore")


def never_pruned(manifest: Object) -> bool:
    """Whether it must not be deleted because git no longer has it: `prune: disabled`, or as what is left alone."""
    return _says(manifest, PRUNE_ANNOTATION, "disabled") or left_alone(manifest)


def only_made(manifest: Object) -> bool:
    """Whether it is made where it is not there, and left as it is where it is: `ssa: IfNotPresent`."""
    return _says(manifest, SSA, "IfNotPresent")


def shared(manifest: Object) -> bool:
    """Whether fields that others have set stay theirs: `ssa: Merge`."""
    return _says(manifest, SSA, "Merge")


def made_again(manifest: Object) -> bool:
    """Whether it may be deleted and made again where a field of it cannot be changed: `force: enabled`."""
    return _says(manifest, FORCE, "enabled")


def kept_for_all(one: ObjectId, namespace: str) -> bool:
    """Whether it is a namespace that must not be deleted because git no longer has it, no matter who applied it.

    With it would go the Kustomization itself, or the cluster's own. A `targetNamespace` renames the Namespaces that are
    rendered, so that one may come to have applied its own without anybody having wanted that.

    Args:
        one: what is to be deleted.
        namespace: of the Kustomization.
    """
    return (one.group, one.kind) == ("", "Namespace") and one.name in {namespace, *OF_ALL}


def ends_itself(manifest: Object) -> bool:
    """Whether it is a Job that is deleted some time after it is done, so that its absence is no failure."""
    return manifest.get("kind") == "Job" and (manifest.get("spec") or {}).get("ttlSecondsAfterFinished") is not None


def _says(manifest: Object, key: str, value: str) -> bool:
    meta = manifest.get("metadata") or {}
    places = (meta.get("annotations") or {}, meta.get("labels") or {})
    return any(str(place.get(key, "")).casefold() == value.casefold() for place in places)
