"""The kinds of sources, by `sourceRef.kind`. A new one is a file and a row."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster, Kind, Objects
from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import BUCKET, GIT_REPOSITORY, OCI_REPOSITORY
from blocks.sources.base import Source
from blocks.sources.bucket import bucket_source
from blocks.sources.git import git_source
from blocks.sources.oci import oci_source
from blocks.sources.suspended import Suspended
from sluice.errors import InvalidError
from sluice.manifests.flux.bucket import Bucket
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.oci_repository import OCIRepository
from sluice.manifests.flux.source import SourceManifest
from sluice.manifests.references import SourceKey
from sluice.sync.source_url import normalise, same_source


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of source.

    Attributes:
        kind: of its objects in the cluster.
        model: how its manifests are read.
        open: makes the source that an object describes.
        schemes: of the addresses that such a source can have.
        references: whether it has references, so that an event that names one may be about it.
    """

    kind: Kind
    model: type[SourceManifest]
    open: Callable[[Connections, Any], Awaitable[Source]]
    schemes: frozenset[str]
    references: bool = False

    def may_be_at(self, scheme: str, ref: str) -> bool:
        """Whether a source of this kind can be what an event at such an address, with such a reference, is about."""
        return scheme in self.schemes and (self.references or not ref)


ORIGIN = "org.opencontainers.image.revision"
"""Annotation of an artifact: the revision of the source that it was made from."""
SOURCES: Mapping[str, Row] = {
    GitRepository.kind: Row(
        GIT_REPOSITORY, GitRepository, git_source, frozenset({"http", "https", "ssh", "file"}), references=True
    ),
    OCIRepository.kind: Row(OCI_REPOSITORY, OCIRepository, oci_source, frozenset({"oci"})),
    Bucket.kind: Row(BUCKET, Bucket, bucket_source, frozenset({"http", "https"})),
}


def refusal(kind: str) -> str:
    """Why there are no sources of this kind; empty where there are."""
    if kind in SOURCES:
        return ""
    return f"spec.sourceRef.kind {kind!r} is not supported yet; use one of: {', '.join(SOURCES)}"


async def source_for(wired: Connections, key: SourceKey) -> Source:
    """The source that a manifest refers to; a suspended one stays where it is.

    Raises:
        InvalidError: sluice has no sources of this kind, or the source is not valid.
        NotFoundError: there is no such source, or its Secret is not there.
    """
    if why := refusal(key.kind):
        raise InvalidError(why)
    row = SOURCES[key.kind]
    manifest = row.model.parse(await wired.cluster.get(row.kind, key.name, key.namespace))
    opened = await row.open(wired, manifest)
    return Suspended(manifest, opened) if manifest.spec.suspend else opened


async def origin_of(wired: Connections, key: SourceKey, revision: str) -> str:
    """What a revision of a source says that it was made from: an artifact of a registry may name a commit; else empty."""
    row = SOURCES[key.kind]
    found = await wired.cluster.find(row.kind, key.name, key.namespace)
    artifact = ((found or {}).get("status") or {}).get("artifact") or {}
    metadata = (artifact.get("metadata") or {}) if artifact.get("revision") == revision else {}
    return str(metadata.get(ORIGIN, ""))


async def open_source(wired: Connections, source: SourceManifest) -> Source:
    """The source of an object that was read already.

    Raises:
        as `source_for`.
    """
    return await SOURCES[source.kind].open(wired, source)


async def all_sources(informers: Informers) -> list[SourceManifest]:
    """The sources of all kinds that are not suspended, as the watches have them; those that are not valid are left out."""
    return await _awake(informers.given, SOURCES.values())


async def sources_of(cluster: Cluster, url: str, ref: str) -> list[SourceManifest]:
    """The sources at an address that a move of this reference may move; suspended and invalid ones are left out.

    The API server is asked, for the kinds alone that can be at such an address: what somebody has just suspended stays.
    """
    scheme = normalise(url).partition("://")[0]
    found = await _awake(cluster.list, [row for row in SOURCES.values() if row.may_be_at(scheme, ref)])
    return [one for one in found if same_source(one.address, url) and one.follows(ref)]


async def _awake(listed: Callable[[Kind], Awaitable[Objects]], rows: Iterable[Row]) -> list[SourceManifest]:
    kinds = list(rows)
    lists = await asyncio.gather(*(listed(row.kind) for row in kinds))
    return [
        one for row, found in zip(kinds, lists, strict=True) for one in row.model.valid(found) if not one.spec.suspend
    ]
