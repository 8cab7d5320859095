"""Flux's Bucket (`source.toolkit.fluxcd.io/v1`): objects in a storage that are a source of manifests.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar

from sluice.manifests.flux.source import SourceManifest, SourceSpec
from sluice.manifests.references import LocalReference


class BucketSpec(SourceSpec):
    """What a Bucket asks for."""

    vital: ClassVar[frozenset[str]] = frozenset({"sts", "serviceAccountName"})
    """Where one of these is set, nothing is fetched: it would be with another's rights, or with none."""
    provider: str = "generic"
    """`generic` or `aws`: any storage that speaks S3, with the keys of the Secret, or as anybody without one."""
    bucket_name: str
    endpoint: str
    """Host, and port where it has one of its own."""
    region: str = ""
    prefix: str = ""
    """Only objects whose names begin so."""
    insecure: bool = False
    """Speak http to the endpoint."""
    secret_ref: LocalReference | None = None
    """Secret with `accesskey` and `secretkey`."""
    cert_secret_ref: LocalReference | None = None
    proxy_secret_ref: LocalReference | None = None


class Bucket(SourceManifest):
    """Objects of a storage, followed."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "Bucket"
    plural: ClassVar[str] = "buckets"
    failed: ClassVar[str] = "BucketOperationFailed"
    spec: BucketSpec

    @property
    def location(self) -> str:
        """Scheme, endpoint and name, as an address."""
        return f"{'http' if self.spec.insecure else 'https'}://{self.spec.endpoint}/{self.spec.bucket_name}"
