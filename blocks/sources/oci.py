"""OCI sources of the cluster: the OCIRepository objects, and how to get into the registries that they name."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import re2
from pydantic import SecretStr

from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.registries.base import USUAL, Way, tags_of
from blocks.registries.pull_secrets import login_by_secrets
from blocks.registries.pulls import Layer, Pulled, Puller
from blocks.sources.access import certificates_of, proxy_of
from blocks.sources.oci_archive import unpack
from blocks.sources.oci_cosign import Cosign, cosign_for
from blocks.trees import Tree, Trees
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError, NotFoundError
from sluice.images.ranges import parse_range, parse_version
from sluice.images.reference import Repository, parse_repository
from sluice.manifests.flux.image_repository import GENERIC
from sluice.manifests.flux.oci_repository import LATEST, OCIRepository
from sluice.sync.artifact import Fetch
from sluice.sync.bounds import Bounds

_PACKED = 128 << 20
"""Bytes of the largest layer, as it comes."""
_REVISION = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{64})")


@dataclass(slots=True)
class OciSource:
    """A reference of a repository in a registry."""

    registry: Puller
    trees: Trees
    object: OCIRepository
    repository: Repository
    credentials: RegistryCredentials | None = None
    way: Way = USUAL
    cosign: Cosign | None = None
    verified: dict[str, str] = field(default_factory=dict)
    """Revision → whose signature it has, as far as it was looked at here."""

    async def look(self) -> str:
        """The digest that the reference names now."""
        ref = self.object.spec.ref
        if ref.digest:
            return ref.digest
        tag = await self._highest() if ref.semver else ref.tag or LATEST
        tag, pinned, digest = tag.partition("@")
        if pinned:
            # As people write it of images: the tag is for the reader, the digest is what is meant.
            return f"{tag}@{digest_of(digest)}"
        at = await self.registry.digest(
            self.repository, tag, self.credentials, insecure=self.object.spec.insecure, way=self.way
        )
        return f"{tag}@{at}"

    async def latest(self, expected: str = "") -> str:
        """The digest that the reference names now, signed by whom the source trusts, and its files."""
        at = await self.look()
        if self.cosign:
            self.verified[at] = await self.cosign.verify(self.repository, digest_of(at), self.credentials)
        await self._laid_out(at)
        return at

    async def tree(self, revision: str) -> Path:
        """The files of a digest. They stay for ten minutes at least."""
        return (await self._laid_out(revision)).files

    async def fetched(self, revision: str) -> Fetch:
        """The files of a digest, and what its owner says of it."""
        tree = await self._laid_out(revision)
        selector = self.object.spec.layer_selector.model_dump(by_alias=True, exclude_defaults=True)
        return Fetch(
            revision=revision,
            digest=tree.digest,
            size=tree.size,
            metadata=tree.metadata,
            verified=self.verified.get(revision, ""),
            observed={"observedLayerSelector": selector or None},
        )

    async def _highest(self) -> str:
        ref = self.object.spec.ref
        insecure = self.object.spec.insecure
        tags = await tags_of(self.registry, self.repository, self.credentials, insecure=insecure, way=self.way)
        allowed, pattern = parse_range(ref.semver, field="spec.ref.semver"), _filter(ref.semver_filter)
        found = [tag for tag in tags if pattern is None or pattern.search(tag)]
        versions = [(version, tag) for tag in found if (version := parse_version(tag)) and allowed.allows(version)]
        if not versions:
            raise NotFoundError(f"no tag of {self.repository} is in the range {ref.semver!r} of spec.ref.semver")
        return max(versions)[1]

    async def _laid_out(self, revision: str) -> Tree:
        spec = self.object.spec
        digest = digest_of(revision)

        async def build(root: Path) -> dict[str, str]:
            pulled = await self.registry.pull(
                self.repository, digest, self.credentials, insecure=spec.insecure, way=self.way
            )
            layer = _chosen(pulled, spec.layer_selector.media_type, self.repository)
            with TemporaryDirectory(prefix="sluice-layer-", dir=root.parent) as folder:
                packed = Path(folder) / "layer"
                await self.registry.download(
                    self.repository,
                    layer,
                    packed,
                    _PACKED,
                    spec.timeout,
                    self.credentials,
                    insecure=spec.insecure,
                    way=self.way,
                )
                if spec.layer_selector.operation == "copy":
                    packed.rename(root / copied_as(layer))
                else:
                    with _named(pulled, layer):
                        await asyncio.to_thread(unpack, packed, root, Bounds(), spec.ignore)
            return pulled.annotations

        # What one may pull is not there for another.
        owner = f"{self.object.namespace} {spec.secret_ref} {spec.service_account_name}"
        name = f"{digest} {spec.layer_selector} {spec.ignore!r}"
        return await self.trees.keep(f"oci {self.repository} {owner}", name, build)


async def oci_source(wired: Connections, source: OCIRepository) -> OciSource:
    """The source of an OCIRepository that was read already.

    Raises:
        NotFoundError: a Secret that it names is not there.
        InvalidError: a Secret has not what it should have, or it asks for what sluice cannot do.
    """
    spec = source.spec
    if spec.service_account_name and spec.provider != GENERIC:
        raise InvalidError(
            f"spec.serviceAccountName with spec.provider {spec.provider}: sluice logs in as itself; leave the service "
            "account out, or name its pull secrets with provider generic"
        )
    repository = parse_repository(source.repository.rstrip("/"))
    credentials = await login_by_secrets(
        wired.cluster, source.namespace, spec.secret_ref, spec.service_account_name, repository
    )
    way = await _way(wired.cluster, source)
    if credentials is None and spec.provider != GENERIC:
        credentials = await wired.registry.login(spec.provider, repository, way)
    cosign = None
    if spec.verification:
        cosign = await cosign_for(
            wired.cluster, spec.verification, source.namespace, timeout=spec.timeout, insecure=spec.insecure
        )
    return OciSource(wired.artifacts, wired.trees, source, repository, credentials, way, cosign)


def digest_of(revision: str) -> str:
    """The digest of a revision.

    Raises:
        NotFoundError: it is none of an OCI source.
    """
    found = _REVISION.fullmatch(revision)
    if not found:
        raise NotFoundError(f"{revision!r} is no revision of an {OCIRepository.kind}")
    return found[1]


def copied_as(layer: Layer) -> str:
    """The file that a layer becomes which is not unpacked."""
    return "layer.tgz" if layer.media_type.endswith(("gzip", "tgz")) else "layer"


async def _way(cluster: Cluster, source: OCIRepository) -> Way:
    certificates = await certificates_of(cluster, source.namespace, source.spec.cert_secret_ref)
    proxy = await proxy_of(cluster, source.namespace, source.spec.proxy_secret_ref)
    if not certificates and not proxy:
        return USUAL
    return Way(
        authority=certificates.authority if certificates else "",
        certificate=certificates.certificate if certificates else "",
        key=certificates.client_key if certificates else None,
        proxy=SecretStr(proxy.address_with_login) if proxy else None,
    )


def _chosen(pulled: Pulled, media_type: str, repository: Repository) -> Layer:
    layer = next((one for one in pulled.layers if media_type in {"", one.media_type}), None)
    if layer is None:
        there = ", ".join(sorted({one.media_type for one in pulled.layers}))
        raise InvalidError(f"{repository} has no layer of spec.layerSelector.mediaType {media_type!r}, but {there}")
    return layer


@contextlib.contextmanager
def _named(pulled: Pulled, layer: Layer) -> Iterator[None]:
    """Name the way out where the first layer is not the one with the files, as of a signed chart."""
    try:
        yield
    except InvalidError as error:
        if len(pulled.layers) == 1 and "no tar archive" not in str(error):
            raise
        there = ", ".join(dict.fromkeys(one.media_type for one in pulled.layers))
        raise InvalidError(
            f"{error}; it is the layer {layer.media_type} of {there}: choose by spec.layerSelector.mediaType"
        ) from error


def _filter(text: str) -> re2._Regexp | None:
    if not text:
        return None
    try:
        return re2.compile(text)
    except re2.error as error:
        raise InvalidError(f"spec.ref.semverFilter {text[:100]!r} is no regular expression: {error}") from None
