"""Flux's HelmRepository (`source.toolkit.fluxcd.io/v1`): a server of charts, with an index over http or a registry.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from sluice.manifests.flux.source import SourceManifest, SourceSpec
from sluice.manifests.references import LocalReference


class HelmRepositorySpec(SourceSpec):
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
    insecure: bool = False
    """The registry is spoken to over plain http."""
    access_from: dict[str, Any] | None = None
    provider: str = "generic"
    """How to log in to a registry where no Secret does: `aws`, `azure` and `gcp` as who sluice is to that cloud."""


class HelmRepository(SourceManifest):
    """A server of charts."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "HelmRepository"
    plural: ClassVar[str] = "helmrepositories"
    failed: ClassVar[str] = "Failed"
    spec: HelmRepositorySpec

    @property
    def is_oci(self) -> bool:
        """Whether its charts are in a registry, which has no index."""
        return self.spec.type == "oci" or self.spec.url.startswith("oci://")

    @property
    def location(self) -> str:
        """`spec.url`."""
        return self.spec.url
