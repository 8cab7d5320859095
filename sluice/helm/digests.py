"""Digests of what a HelmRelease says is done to what its chart renders, as Flux writes them.

They are taken over the JSON that Go makes of these fields: in the order of Flux's types, what is empty left out.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sluice.helm.snapshots import go_json
from sluice.manifests.flux.helm.release import HelmReleaseSpec
from sluice.manifests.flux.kustomization import KustomizeImage, KustomizePatch

_SELECTOR = ("group", "version", "kind", "namespace", "name", "annotationSelector", "labelSelector")


def post_renderers_digest(spec: HelmReleaseSpec) -> str:
    """The digest of `spec.postRenderers`; empty where there are none."""
    if not spec.post_renderers:
        return ""
    return _digest(
        [
            {"kustomize": _filled(patches=[_patch(p) for p in k.patches], images=[_image(i) for i in k.images])}
            if (k := one.kustomize)
            else {}
            for one in spec.post_renderers
        ]
    )


def common_metadata_digest(spec: HelmReleaseSpec) -> str:
    """The digest of `spec.commonMetadata`; empty where there is none."""
    common = spec.common_metadata
    if common is None:
        return ""
    return _digest(
        _filled(annotations=dict(sorted(common.annotations.items())), labels=dict(sorted(common.labels.items())))
    )


def _patch(patch: KustomizePatch) -> dict[str, Any]:
    # Flux's type has no `omitempty` on the patch itself.
    target = {key: (patch.target or {}).get(key) for key in _SELECTOR}
    return {"patch": patch.patch, **_filled(target=_filled(**target) if patch.target is not None else None)}


def _image(image: KustomizeImage) -> dict[str, Any]:
    return {"name": image.name, **_filled(newName=image.new_name, newTag=image.new_tag, digest=image.digest)}


def _filled(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value}


def _digest(value: Any) -> str:
    return f"sha256:{hashlib.sha256((go_json(value) + chr(10)).encode()).hexdigest()}"
