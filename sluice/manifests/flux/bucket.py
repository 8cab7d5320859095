"""Flux's Bucket (`source.toolkit.fluxcd.io/v1`): objects in a storage that are a source of manifests.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar

from sluice.manifests.flux.source import SourceManifest, SourceSpec
from sluice.manifests.meta import ForeignModel
from sluice.manifests.references import LocalReference


class BucketSts(ForeignModel):
    """Who gives temporary keys for the storage."""

    provider: str = ""
    """`aws` for the provider `aws`, `ldap` for `generic`."""
    endpoint: str = ""
    secret_ref: LocalReference | None = None
    """Secret with `username` and `password` of the directory; only for `ldap`."""
    cert_secret_ref: LocalReference | None = None


class BucketSpec(SourceSpec):
    """What a Bucket asks for."""

    vital: ClassVar[frozenset[str]] = frozenset({"serviceAccountName"})
    """Where one of these is set, nothing is fetched: it would be with another's rights, or with none."""
    provider: str = "generic"
    """`generic`: any storage that speaks S3, with the keys of the Secret, those that `sts` gives, or as anybody. `aws` and
    `gcp`: with what the Secret has, or as who sluice is to that cloud."""
    bucket_name: str
    endpoint: str
    """Host, and port where it has one of its own."""
    region: str = ""
    prefix: str = ""
    """Only objects whose names begin so."""
    insecure: bool = False
    """Speak http to the endpoint."""
    secret_ref: LocalReference | None = None
    """Secret with `accesskey` and `secretkey`; for `gcp` with `serviceaccount`."""
    sts: BucketSts | None = None
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
