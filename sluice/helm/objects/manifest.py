"""The objects of a release, out of its manifest: which they are, and where they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from sluice.errors import InvalidError
from sluice.helm.storage import StoredRelease
from sluice.helm.values.yaml_reader import GoLoader
from sluice.manifests.flux.helm.release import DRIFT_ANNOTATION, GROUP, HelmRelease
from sluice.manifests.flux.kustomization import Inventory
from sluice.sync.inventory import inventory
from sluice.sync.objects import identity

Object = dict[str, Any]
HOOK = "helm.sh/hook"
CRD = "CustomResourceDefinition"


def objects_of(text: str, where: str) -> list[Object]:
    """The objects in YAML that helm wrote; hooks are left out.

    Raises:
        InvalidError: it cannot be read.
    """
    try:
        documents = list(yaml.load_all(text, Loader=GoLoader))  # a safe loader
    except (yaml.YAMLError, ValueError):
        raise InvalidError(f"{where} is not YAML") from None
    found: list[Object] = []
    for one in documents:
        if isinstance(one, dict) and str(one.get("kind", "")).endswith("List") and isinstance(one.get("items"), list):
            found += one["items"]
        elif isinstance(one, dict):
            found.append(one)
    return [one for one in found if _is_object(one) and HOOK not in (one["metadata"].get("annotations") or {})]


def placed(
    objects: Iterable[Object], release: StoredRelease, namespaced: Mapping[tuple[str, str], bool]
) -> list[Object]:
    """The objects as helm has applied them: with its marks, and in the release's namespace where they name none.

    Args:
        namespaced: by API version and kind; what is not in it stays as it is.
    """
    result = []
    for one in objects:
        meta = dict(one["metadata"])
        if namespaced.get((one["apiVersion"], one["kind"])):
            meta.setdefault("namespace", release.namespace)
        meta["labels"] = {**(meta.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
        meta["annotations"] = {
            **(meta.get("annotations") or {}),
            "meta.helm.sh/release-name": release.name,
            "meta.helm.sh/release-namespace": release.namespace,
        }
        result.append({**one, "metadata": meta})
    return result


def is_exempt(one: Object) -> bool:
    """Whether its user asked that nobody looks whether it was changed."""
    meta = one["metadata"]
    return any((meta.get(place) or {}).get(DRIFT_ANNOTATION) == "disabled" for place in ("labels", "annotations"))


def inventory_of(objects: Iterable[Object]) -> Inventory:
    """The inventory of a release, in Flux's form."""
    return inventory(identity(one) for one in objects)


def origin(release: HelmRelease) -> dict[str, str]:
    """The labels by which Flux and sluice know whose HelmRelease an object belongs to."""
    return {f"{GROUP}/name": release.name, f"{GROUP}/namespace": release.namespace}


def _is_object(one: Any) -> bool:
    meta = one.get("metadata") if isinstance(one, dict) else None
    named = isinstance(meta, dict) and isinstance(meta.get("name"), str)
    return named and isinstance(one.get("apiVersion"), str) and isinstance(one.get("kind"), str)
