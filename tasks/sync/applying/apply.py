"""Apply: bring objects to the cluster server-side, wave by wave, and leave alone what is not ours to write."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from blocks.applied.sight import Sight
from blocks.kubernetes.cluster import Kind
from sluice.errors import InvalidError, SluiceError, TransientError
from sluice.sync.applying.managers import takeover
from sluice.sync.applying.wishes import only_made
from sluice.sync.objects import ObjectId, identity
from sluice.sync.order import waves
from sluice.sync.ownership import owner_of
from tasks.sync.applying.owner import Owner
from tasks.sync.applying.refused import refusals_explained
from tasks.sync.applying.wanted import MANAGER, Wanting
from tasks.sync.applying.write import served, write

Object = dict[str, Any]
AT_ONCE = 16
"""Objects that are applied at the same time: below what API servers give one client."""
NAMED = 5
"""Objects that an error names; of the others it says how many they are."""


async def apply(sight: Sight, wanting: Wanting, objects: Sequence[Object], owner: Owner) -> frozenset[ObjectId]:
    """Apply the objects wave by wave; those that were spared because the cluster's own object asks for it.

    Each object of a wave gets its try; a failure among them ends the sync after the wave.

    Args:
        sight: of the cluster that they are for; it learns what was written.
        wanting: what is left alone there.
        objects: that have to be written.
        owner: whom they are applied for.

    Raises:
        TerminalError, TransientError: what the API server said of the first, with the names of others that failed.
    """
    applying = _Applying(sight, wanting, owner, asyncio.Semaphore(AT_ONCE))
    spared: set[ObjectId] = set()
    for together in waves(objects):
        ends = await asyncio.gather(*(applying.one(manifest) for manifest in together), return_exceptions=True)
        _raise_first(together, ends)
        spared |= {identity(manifest) for manifest, end in zip(together, ends, strict=True) if end is False}
    return frozenset(spared)


@dataclass(frozen=True, slots=True)
class _Applying:
    sight: Sight
    wanting: Wanting
    owner: Owner
    room: asyncio.Semaphore

    async def one(self, manifest: Object) -> bool:
        """Whether it was applied; False where it was spared."""
        async with self.room:
            with refusals_explained(manifest):
                return await self._applied(manifest)

    async def _applied(self, manifest: Object) -> bool:
        cluster, meta = self.sight.cluster, manifest["metadata"]
        kind = await cluster.resource_for(manifest["apiVersion"], manifest["kind"])
        if not (self.sight.as_left(manifest) and await self._written_over(kind, manifest)):
            wanted, live = manifest, await self.sight.live(kind, manifest)
            if live is not None:
                if self.wanting.spares(manifest, live):
                    return False
                await self._refuse_others(manifest, live)
                adopted = takeover(live, MANAGER) if self.wanting.takes(manifest, live) else None
                if adopted:
                    live = await cluster.patch(kind, meta["name"], meta.get("namespace"), adopted)
                wanted = self.wanting.over(manifest, live)
            written = await write(cluster, kind, wanted, live, MANAGER, force=self._may_force(manifest), fresh=manifest)
            self.sight.wrote(manifest, written)
        if manifest["kind"] == "CustomResourceDefinition":
            await served(cluster, kind, meta["name"])
        return True

    async def _written_over(self, kind: Kind, manifest: Object) -> bool:
        """Write over what is as we left it, without a look at it; False where only a look can say what to do."""
        if self.wanting.yields(manifest) or only_made(manifest):
            return False
        try:
            written = await write(self.sight.cluster, kind, manifest, None, MANAGER, force=False)
        except InvalidError:
            return False
        self.sight.wrote(manifest, written)
        return True

    async def _refuse_others(self, manifest: Object, live: Object) -> None:
        """Two owners of one object would undo each other's writes for ever."""
        other = owner_of(live)
        if other and await self.owner.claimed.has(*other, identity(manifest)):
            raise TransientError(
                f"{identity(manifest)} is applied by Kustomization {'/'.join(other)}: take it out of one of them"
            )

    def _may_force(self, manifest: Object) -> bool:
        """A target that a rollout has begun for is not deleted under it."""
        return self.owner.force and not self.wanting.is_target(manifest)


def _raise_first(manifests: Sequence[Object], ends: Sequence[bool | BaseException]) -> None:
    failed = [(one, end) for one, end in zip(manifests, ends, strict=True) if isinstance(end, BaseException)]
    if not failed:
        return
    # What will not pass by itself says more than what may.
    failed.sort(key=lambda pair: isinstance(pair[1], TransientError))
    error = failed[0][1]
    if len(failed) == 1 or not isinstance(error, SluiceError):
        raise error
    names = ", ".join(str(identity(one)) for one, _ in failed[1 : 1 + NAMED])
    more = f" and {len(failed) - 1 - NAMED} more" if len(failed) - 1 > NAMED else ""
    raise type(error)(f"{error}; refused as well: {names}{more}") from None
