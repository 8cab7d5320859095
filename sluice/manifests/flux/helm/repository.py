"""Flux's HelmRepository (`source.toolkit.fluxcd.io/v1`): a server of charts, with an index over http or a registry.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from sluice.addresses import cleaned
from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.flux.source import Artifact
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference, SourceKey


class HelmRepositorySpec(ForeignModel):
    """What a HelmRepository asks for."""

    reported: ClassVar[frozenset[str]] = frozenset({"accessFrom"})
    url: str = Field(pattern=r"^(https?|oci)://")
    type: Literal["", "default", "oci"] = ""
    secret_ref: LocalReference | None = None
    """Secret with `username` and `password`, or a docker config for a registry."""
    cert_secret_ref: LocalReference | None = None
    """Secret with `ca.crt`, and `tls.crt` with `tls.key` where the server asks for a certificate."""
    pass_credentials: bool = False
    """The login goes along to other hosts that the index names."""
    interval: Duration = 60.0
    insecure: bool = False
    """The registry is spoken to over plain http."""
    timeout: Duration = 60.0
    suspend: bool = False
    access_from: dict[str, Any] | None = None
    provider: str = "generic"


class HelmRepositoryStatus(ForeignModel):
    """What was seen of a HelmRepository."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    artifact: Artifact | None = None
    url: str = ""
    last_handled_reconcile_at: str = ""


class HelmRepository(Manifest):
    """A server of charts."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "HelmRepository"
    plural: ClassVar[str] = "helmrepositories"
    spec: HelmRepositorySpec
    status: HelmRepositoryStatus = HelmRepositoryStatus()

    @property
    def key(self) -> SourceKey:
        """How others refer to it."""
        return SourceKey(self.kind, self.namespace, self.name)

    @property
    def is_oci(self) -> bool:
        """Whether its charts are in a registry, which has no index."""
        return self.spec.type == "oci" or self.spec.url.startswith("oci://")

    @property
    def address(self) -> str:
        """The URL without the login that it may have: what may be shown, logged and sent."""
        return cleaned(self.spec.url)
