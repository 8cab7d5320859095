"""Flux's ImageRepository (`image.toolkit.fluxcd.io/v1`): a repository of a registry whose tags are watched.

Field names and defaults: Flux's image-reflector-controller API, v1 (v1beta2 has the same fields).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference

SIGNATURES = r"^.*\.sig$"
"""Tags that hold signatures, not images."""
REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""Annotation that asks for a look now; its value is any that was not answered yet."""
OF_NAMESPACE = "kubernetes.io/metadata.name"
"""The label with its own name that Kubernetes puts on each namespace."""
SHORTEST_TIMEOUT = 1.0
GENERIC = "generic"
"""The provider that Secrets log in to."""


class NamespaceSelector(ForeignModel):
    """Namespaces, by their labels; without any, all of them."""

    match_labels: dict[str, str] = Field(default_factory=dict)


class AccessFrom(ForeignModel):
    """Which other namespaces may use an object."""

    namespace_selectors: tuple[NamespaceSelector, ...] = ()


class ImageRepositorySpec(ForeignModel):
    """What an ImageRepository asks for."""

    image: str
    """Registry and path, without tag."""
    secret_ref: LocalReference | None = None
    """Secret of type `kubernetes.io/dockerconfigjson`."""
    service_account_name: str = ""
    """Its pull secrets log in, after `secretRef`; with another provider than `generic`, it is who logs in."""
    cert_secret_ref: LocalReference | None = None
    """Secret with `ca.crt`, and `tls.crt` and `tls.key` for registries that ask for a client's certificate."""
    proxy_secret_ref: LocalReference | None = None
    """Secret with `address`, `username` and `password` of a proxy."""
    access_from: AccessFrom | None = None
    """Which other namespaces' ImagePolicy objects may choose from it; without it, none."""
    exclusion_list: tuple[str, ...] = (SIGNATURES,)
    """Regular expressions of tags that do not count; empty for signatures alone."""
    insecure: bool = False
    """Speak http to the registry."""
    provider: str = GENERIC
    """How to log in: `generic` is by Secrets, `aws`, `azure` and `gcp` by who this process, or the service account, is."""
    interval: Duration = 60.0
    timeout: Duration | None = None
    """For one look; the interval where it is not given."""
    suspend: bool = False

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The regular expressions in force."""
        return self.exclusion_list or (SIGNATURES,)

    @property
    def seconds(self) -> float:
        """For one look."""
        return max(self.interval if self.timeout is None else self.timeout, SHORTEST_TIMEOUT)


class ScanResult(ForeignModel):
    """What the last look found."""

    revision: str = ""
    tag_count: int = 0
    scan_time: str = ""
    latest_tags: tuple[str, ...] = ()


class ImageRepositoryStatus(ForeignModel):
    """What is known of an ImageRepository."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    canonical_image_name: str = ""
    last_scan_result: ScanResult | None = None
    observed_exclusion_list: tuple[str, ...] = ()
    last_handled_reconcile_at: str = ""


class ImageRepository(Manifest):
    """A repository of a registry, watched."""

    api_version: ClassVar[str] = "image.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "ImageRepository"
    plural: ClassVar[str] = "imagerepositories"
    also_served: ClassVar[tuple[str, ...]] = ("v1beta2",)
    spec: ImageRepositorySpec
    status: ImageRepositoryStatus = ImageRepositoryStatus()

    @property
    def requested(self) -> str:
        """What asks for a look now and was not answered; empty for nothing."""
        asked = self.metadata.annotations.get(REQUESTED_AT, "")
        return asked if asked != self.status.last_handled_reconcile_at else ""

    def lets_in(self, namespace: str, labels: dict[str, str]) -> bool:
        """Whether an object of another namespace may use this one.

        Args:
            namespace: of that object.
            labels: of that namespace.
        """
        if namespace == self.namespace:
            return True
        selectors = self.spec.access_from.namespace_selectors if self.spec.access_from else ()
        known = {OF_NAMESPACE: namespace, **labels}
        return any(one.match_labels.items() <= known.items() for one in selectors)
