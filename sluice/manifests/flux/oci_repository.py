"""Flux's OCIRepository (`source.toolkit.fluxcd.io/v1`): files in a registry that are a source of manifests.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sluice.manifests.flux.source import SourceManifest, SourceSpec, SourceStatus
from sluice.manifests.meta import ForeignModel
from sluice.manifests.references import LocalReference

SCHEME = "oci://"
LATEST = "latest"


class OciReference(ForeignModel):
    """Which artifact to follow: a digest goes before a range of tags, that before a tag."""

    digest: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")
    semver: str = ""
    semver_filter: str = ""
    """Regular expression that tags must match to count for the range."""
    tag: str = ""


class LayerSelector(ForeignModel):
    """Which layer of the artifact has the files, and what is done with it."""

    media_type: str = ""
    """The first layer of this type; empty for the first of all."""
    operation: Literal["extract", "copy"] = "extract"


class OidcIdentity(ForeignModel):
    """Who may have signed without a key of their own: both expressions must match the certificate."""

    issuer: str
    subject: str


class OciVerification(ForeignModel):
    """Whose signature an artifact must have."""

    provider: Literal["cosign", "notation"] = "cosign"
    secret_ref: LocalReference | None = None
    """Secret with public keys under names that end in `.pub`; without it the signature must be keyless."""
    match_oidc_identity: tuple[OidcIdentity, ...] = Field(default=(), alias="matchOIDCIdentity")
    trusted_root_secret_ref: LocalReference | None = None
    """Secret with a Sigstore `trusted_root.json`: who signs keyless signatures, where it is not the public Sigstore."""


class OciRepositorySpec(SourceSpec):
    """What an OCIRepository asks for."""

    url: str = Field(pattern=r"^oci://.+$")
    """`oci://` and the repository, without tag."""
    ref: OciReference = OciReference()
    layer_selector: LayerSelector = LayerSelector()
    provider: str = "generic"
    """How to log in where no Secret does: `aws`, `azure` and `gcp` as who sluice is to that cloud."""
    service_account_name: str = ""
    """A ServiceAccount whose `imagePullSecrets` log in."""
    cert_secret_ref: LocalReference | None = None
    proxy_secret_ref: LocalReference | None = None
    insecure: bool = False
    """Speak http to the registry."""
    verification: OciVerification | None = Field(default=None, alias="verify")


class OciRepositoryStatus(SourceStatus):
    """What sluice has seen of an OCIRepository."""

    observed_layer_selector: LayerSelector | None = None


class OCIRepository(SourceManifest):
    """A repository of a registry, followed."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "OCIRepository"
    plural: ClassVar[str] = "ocirepositories"
    failed: ClassVar[str] = "OCIArtifactPullFailed"
    spec: OciRepositorySpec
    status: OciRepositoryStatus = OciRepositoryStatus()

    @property
    def location(self) -> str:
        """`spec.url`."""
        return self.spec.url

    @property
    def repository(self) -> str:
        """Registry and path."""
        return self.spec.url.removeprefix(SCHEME)
