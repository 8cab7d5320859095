"""Flux's ImageRepository (`image.toolkit.fluxcd.io/v1`): a repository of a registry whose tags are watched.

Field names and defaults: Flux's image-reflector-controller API, v1 (v1beta2 has the same fields).
"""

from __future__ import annotations

from typing import ClassVar

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference

SIGNATURES = r"^.*\.sig$"
"""Tags that hold signatures, not images."""


class ImageRepositorySpec(ForeignModel):
    """What an ImageRepository asks for."""

    reported: ClassVar[frozenset[str]] = frozenset({"provider"})
    image: str
    """Registry and path, without tag."""
    secret_ref: LocalReference | None = None
    """Secret of type `kubernetes.io/dockerconfigjson`."""
    exclusion_list: tuple[str, ...] = (SIGNATURES,)
    """Regular expressions of tags that do not count."""
    insecure: bool = False
    """Speak http to the registry."""
    provider: str = "generic"
    """How to log in: `generic` is by the Secret; sluice does not act on the others yet."""
    interval: Duration = 60.0
    timeout: Duration | None = None
    suspend: bool = False


class ImageRepositoryStatus(ForeignModel):
    """What is known of an ImageRepository."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()


class ImageRepository(Manifest):
    """A repository of a registry, watched."""

    api_version: ClassVar[str] = "image.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "ImageRepository"
    plural: ClassVar[str] = "imagerepositories"
    also_served: ClassVar[tuple[str, ...]] = ("v1beta2",)
    spec: ImageRepositorySpec
    status: ImageRepositoryStatus = ImageRepositoryStatus()
