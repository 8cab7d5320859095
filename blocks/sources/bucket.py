"""Buckets of the cluster as sources: the Bucket objects, and how to get into the storages that they name."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from blocks.connections import Connections
from blocks.git.files import inside
from blocks.sources.access import certificates_of, proxy_of, verification
from blocks.sources.bucket_identity import Identity, identity_of
from blocks.sources.bucket_s3 import Listed, Storage
from blocks.trees import Tree, Trees
from sluice.credentials import GitCredentials, Proxy
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flux.bucket import Bucket
from sluice.manifests.flux.vital import refuse_vital
from sluice.sync.artifact import Fetch
from sluice.sync.bounds import Bounds, Measured
from sluice.sync.ignore import FILE, Ignore

_AT_ONCE = 8
_MOST_RULES = 1 << 20


@dataclass(slots=True)
class BucketSource:
    """The objects of a bucket."""

    trees: Trees
    object: Bucket
    identity: Identity = field(default_factory=Identity)
    certificates: GitCredentials | None = None
    proxy: Proxy | None = None
    seen: dict[str, tuple[Listed, ...]] = field(default_factory=dict)
    """Revision → what was listed, as far as it was looked at here."""

    async def look(self) -> str:
        """The names and ETags of all objects, as one digest: nothing of them is read."""
        async with self._storage() as storage:
            return await self._revision(storage)

    async def latest(self, expected: str = "") -> str:
        """The objects as they are listed now, brought here."""
        at = await self.look()
        await self._laid_out(at)
        return at

    async def tree(self, revision: str) -> Path:
        """The objects of a list. They stay for ten minutes at least."""
        return (await self._laid_out(revision)).files

    async def fetched(self, revision: str) -> Fetch:
        """The objects of a list."""
        tree = await self._laid_out(revision)
        return Fetch(revision=revision, digest=tree.digest, size=tree.size)

    async def _revision(self, storage: Storage) -> str:
        listed = await storage.listed(self.object.spec.prefix, Bounds().files)
        rules = await self._rules(storage, listed)
        wanted = tuple(
            sorted((one for one in listed if _is_file(one.key) and rules.wants(one.key)), key=lambda one: one.key)
        )
        index = "".join(f"{one.key} {one.mark}\n" for one in wanted)
        at = f"sha256:{hashlib.sha256(index.encode()).hexdigest()}"
        self.seen[at] = wanted
        return at

    async def _rules(self, storage: Storage, listed: Sequence[Listed]) -> Ignore:
        """As Flux has it: the `.sourceignore` of the root, and nothing is left out unasked."""
        found = next((one for one in listed if one.key == FILE), None)
        if found is None:
            return Ignore({}, self.object.spec.ignore, always=False)
        if found.size > _MOST_RULES:
            raise InvalidError(f"{FILE} has more than {_MOST_RULES >> 20} MiB")
        with tempfile.TemporaryDirectory(prefix="sluice-bucket-") as folder:
            file = Path(folder) / "rules"
            await storage.download(FILE, file, found.size)
            text = file.read_text(errors="replace")
        return Ignore({"": text}, self.object.spec.ignore, always=False)

    async def _laid_out(self, revision: str) -> Tree:
        async def build(root: Path) -> dict[str, str]:
            wanted = self.seen.get(revision)
            if wanted is None:
                raise NotFoundError(
                    f"{revision} of {self.object} is not on this worker: the next look at the bucket brings it"
                )
            measured = Measured(Bounds())
            for one in wanted:
                measured.add(inside(one.key), one.size)
            turn = asyncio.Semaphore(_AT_ONCE)
            async with self._storage() as storage, asyncio.TaskGroup() as group:
                for one in wanted:
                    group.create_task(_brought(storage, one, root, turn))
            return {}

        # What one may read is not there for another.
        owner = f"{self.object.namespace} {self.object.spec.secret_ref}"
        return await self.trees.keep(f"bucket {self.object.address} {owner}", revision, build)

    @asynccontextmanager
    async def _storage(self) -> AsyncIterator[Storage]:
        spec = self.object.spec
        proxy = self.proxy.address_with_login if self.proxy else None
        async with httpx.AsyncClient(
            verify=verification("spec.certSecretRef", self.certificates), proxy=proxy, timeout=min(spec.timeout, 30.0)
        ) as http:
            yield Storage(
                http=http,
                base=f"{'http' if spec.insecure else 'https'}://{spec.endpoint}",
                bucket=spec.bucket_name,
                keys=self.identity.keys,
                token=self.identity.token,
                region=spec.region,
                within=spec.timeout,
                clock=lambda: datetime.now(UTC),
            )


async def bucket_source(wired: Connections, source: Bucket) -> BucketSource:
    """The source of a Bucket that was read already.

    Raises:
        NotFoundError: a Secret that it names is not there.
        InvalidError: a Secret has not what it should have, or it asks for what sluice cannot do.
    """
    spec = source.spec
    refuse_vital(spec, spec.vital)
    if "/" in spec.endpoint or "@" in spec.endpoint:
        raise InvalidError("spec.endpoint is a host, and a port where it has one: write no scheme, path or login")
    certificates = await certificates_of(wired.cluster, source.namespace, spec.cert_secret_ref)
    proxy = await proxy_of(wired.cluster, source.namespace, spec.proxy_secret_ref)
    identity = await identity_of(wired.cluster, source)
    return BucketSource(wired.trees, source, identity, certificates, proxy)


async def _brought(storage: Storage, one: Listed, root: Path, turn: asyncio.Semaphore) -> None:
    async with turn:
        place = root / inside(one.key)
        place.parent.mkdir(parents=True, exist_ok=True)
        await storage.download(one.key, place, one.size)


def _is_file(key: str) -> bool:
    return not key.endswith("/") and key != FILE
