"""Flux's ImagePolicy (`image.toolkit.fluxcd.io/v1`): which of a repository's tags is the latest wanted.

Field names and defaults: Flux's image-reflector-controller API, v1 (v1beta2 lacks the digest policy).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.image_repository import REQUESTED_AT
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import NamespacedReference


class SemverPolicy(ForeignModel):
    """The highest version in a range."""

    range: str


class OrderPolicy(ForeignModel):
    """The last tag in an order; `desc` turns it around."""

    order: Literal["asc", "desc"] = "asc"


class PolicyChoice(ForeignModel):
    """Exactly one way to choose."""

    semver: SemverPolicy | None = None
    alphabetical: OrderPolicy | None = None
    numerical: OrderPolicy | None = None


class TagFilter(ForeignModel):
    """Which tags count, and which part of them is compared."""

    pattern: str = ""
    """Regular expression; tags that it does not match are left out."""
    extract: str = ""
    """What to compare, built from the pattern's groups: `$ts`, `${ts}`, `$1`. Empty for the whole tag."""


class DigestPolicy(StrEnum):
    """Whether the latest image is also named by its digest."""

    ALWAYS = "Always"
    """The digest of the tag as it is now."""
    IF_NOT_PRESENT = "IfNotPresent"
    """The digest that the tag had when it became the latest; a tag that is pushed again changes nothing."""
    NEVER = "Never"
    """The tag alone."""


class ImagePolicySpec(ForeignModel):
    """What an ImagePolicy asks for."""

    image_repository_ref: NamespacedReference
    policy: PolicyChoice
    filter_tags: TagFilter | None = None
    digest_reflection_policy: DigestPolicy = DigestPolicy.ALWAYS
    """Flux's default is Never. Sluice's is Always: what was pushed and verified is what runs, byte for byte."""
    interval: Duration | None = None
    """How often the digest of a tag that is chosen already is asked for."""
    suspend: bool = False


class LatestRef(ForeignModel):
    """The image that the policy chose."""

    name: str
    tag: str = ""
    digest: str = ""


class ImagePolicyStatus(ForeignModel):
    """What an ImagePolicy chose last."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    latest_ref: LatestRef | None = None
    observed_previous_ref: LatestRef | None = None
    last_handled_reconcile_at: str = ""


class ImagePolicy(Manifest):
    """A rule that names the latest image of a repository."""

    api_version: ClassVar[str] = "image.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "ImagePolicy"
    plural: ClassVar[str] = "imagepolicies"
    also_served: ClassVar[tuple[str, ...]] = ("v1beta2",)
    spec: ImagePolicySpec
    status: ImagePolicyStatus = ImagePolicyStatus()

    @property
    def repository(self) -> tuple[str, str]:
        """Namespace and name of the ImageRepository."""
        return self.spec.image_repository_ref.namespace or self.namespace, self.spec.image_repository_ref.name

    @property
    def requested(self) -> str:
        """What asks for a look now and was not answered; empty for nothing."""
        asked = self.metadata.annotations.get(REQUESTED_AT, "")
        return asked if asked != self.status.last_handled_reconcile_at else ""
