"""What is done to what a chart renders: the plan that the post-renderer follows."""

from __future__ import annotations

from typing import Any

from sluice.helm.objects.manifest import origin
from sluice.manifests.flux.helm.release import HelmRelease

COMBINED = "combined"
"""Hooks and objects are rendered as one, as Helm 4 and Flux do where nothing else is said."""


def plan(release: HelmRelease, kustomize: str) -> dict[str, Any]:
    """The plan of a release.

    Args:
        kustomize: the program.
    """
    common = release.spec.common_metadata
    return {
        "strategy": release.spec.post_render_strategy or COMBINED,
        "labels": {**(common.labels if common else {}), **origin(release)},
        "annotations": dict(common.annotations) if common else {},
        "kustomize": kustomize,
        "kustomizations": [
            {
                "patches": [patch.model_dump(exclude_none=True) for patch in one.kustomize.patches],
                "images": [
                    {key: value for key, value in image.model_dump(by_alias=True).items() if value}
                    for image in one.kustomize.images
                ],
            }
            for one in release.spec.post_renderers
            if one.kustomize
        ],
    }
