"""What a sync finds in the cluster before it writes: which of its objects are as they were applied, and how the others are.

Objects are looked at together: by the watch where it can be believed, else by a list of a kind, or one by one where there
are few. So an unchanged sync costs no request an object, whether this process has memory of it or not.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from blocks.applied.ledger import Ledger, Place, place_of
from blocks.applied.watches import MANAGER, Watches
from blocks.kubernetes.cluster import Cluster, Kind
from sluice.errors import ForbiddenError, NotFoundError
from sluice.sync.drift.differences import differences
from sluice.sync.drift.findings import Finding, finding, gone
from sluice.sync.drift.managers import applied_fields
from sluice.sync.drift.seen import Change, Known, Seen, change, digest, seen
from sluice.sync.objects import identity
from sluice.sync.ownership import owner_labels

Object = dict[str, Any]
FEW, AT_ONCE = 8, 16
"""Objects of one kind and namespace that are read one by one, and reads at the same time."""


@dataclass(slots=True)
class Sight:
    """One look at the objects of one sync.

    Attributes:
        cluster: where they are.
        ledger: what earlier syncs left.
        watches: of that cluster; None where it has none, or where the look must not rest on them.
        nothing_new: git and the owner are as at the last sync that came to its end: what differs, somebody changed.
        findings: what somebody changed.
    """

    cluster: Cluster
    ledger: Ledger
    watches: Watches | None = None
    nothing_new: bool = False
    findings: dict[Place, Finding] = field(default_factory=dict)
    _lives: dict[Place, Object | None] = field(default_factory=dict)
    _settled: set[Place] = field(default_factory=set)
    _as_left: set[Place] = field(default_factory=set)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def look(self, manifests: Sequence[Object]) -> None:
        """Look at all of them, in as few requests as there are kinds."""
        groups: defaultdict[tuple[Kind, str], list[Object]] = defaultdict(list)
        for manifest in manifests:
            with suppress(NotFoundError):  # its definition comes with the same sync
                kind = await self.cluster.resource_for(manifest["apiVersion"], manifest["kind"])
                groups[(kind, manifest["metadata"].get("namespace", ""))].append(manifest)
        await asyncio.gather(*(self._group(kind, where, group) for (kind, where), group in groups.items()))

    def settled(self, manifest: Object) -> bool:
        """Whether the object is known to be as it was applied, by this very manifest."""
        return place_of(identity(manifest)) in self._settled

    def found(self, manifest: Object) -> Object | None:
        """The whole object as the look found it; None where it is not there, or was not looked at as a whole."""
        return self._lives.get(place_of(identity(manifest)))

    async def live(self, kind: Kind, manifest: Object) -> Object | None:
        """The whole object as it was found; None where it is not there."""
        place = place_of(identity(manifest))
        if place not in self._lives:
            self._lives[place] = await self._read(kind, manifest)
        return self._lives[place]

    def is_right(self, manifest: Object, wanted: Object, live: Object, *, takes: bool = True) -> bool:
        """Whether nothing has to be written; what somebody changed is among the findings then.

        Args:
            manifest: as rendered: what is remembered.
            wanted: as it would be applied.
            live: the whole object.
            takes: whether what people add with kubectl is put right as well.
        """
        known = self._known(manifest) is not None
        if found := finding(wanted, live, MANAGER, takes=takes):
            if known or self.nothing_new:
                self.findings[place_of(found.object)] = found
            return False
        own = applied_fields(live, MANAGER)
        # The server's own way to write a value is no reason to write it once more, where we have written this before.
        if not own or (not known and differences(wanted, live, own)):
            return False
        self.wrote(manifest, live)
        return True

    def as_left(self, manifest: Object) -> bool:
        """Whether the object is as another manifest of ours left it: git changed it, and nobody else did."""
        return place_of(identity(manifest)) in self._as_left

    def missing(self, manifest: Object) -> None:
        """The object is not there; where it was applied, somebody deleted it."""
        place = place_of(identity(manifest))
        known = self.ledger.known.get(place)
        if self.nothing_new or known is not None:
            self.findings[place] = gone(manifest, known.seen.uid if known else "")

    def wrote(self, manifest: Object, answer: Object) -> None:
        """Remember an object as the API server answered a write of this manifest."""
        self.ledger.known[place_of(identity(manifest))] = Known(digest(manifest), seen(answer, MANAGER))

    def _known(self, manifest: Object) -> Known | None:
        known = self.ledger.known.get(place_of(identity(manifest)))
        return known if known is not None and known.digest == digest(manifest) else None

    async def _group(self, kind: Kind, namespace: str, group: Sequence[Object]) -> None:
        """Settle what metadata can settle; the rest is read as a whole."""
        before = {place: known for one in group if (known := self.ledger.known.get(place := place_of(identity(one))))}
        now = await self._metadata(kind, namespace, group, len(before)) if before else None
        left = []
        for one in group:
            place = place_of(identity(one))
            if now is None or place not in before or not self._same(before[place], now(one)):
                left.append(one)
            elif before[place].digest == digest(one):
                self._settled.add(place)
            else:
                self._as_left.add(place)
        await self._whole(kind, namespace, left)

    @staticmethod
    def _same(known: Known, now: Seen | None) -> bool:
        return change(known, now) is Change.NONE

    async def _metadata(
        self, kind: Kind, namespace: str, group: Sequence[Object], known: int
    ) -> Callable[[Object], Seen | None] | None:
        """What tells an object's metadata; None where it is not worth a list."""
        watched = self.watches.fresh(kind, namespace) if self.watches else None
        if watched is not None:
            return lambda one: watched.objects.get((namespace, one["metadata"]["name"]))
        if known <= FEW:
            return None
        listed = await self._list(self.cluster.of_metadata(), kind, namespace, _labels(group))
        if listed is None:
            return None
        by_name = {item["metadata"]["name"]: seen(item, MANAGER) for item in listed}
        return lambda one: by_name.get(one["metadata"]["name"])

    async def _whole(self, kind: Kind, namespace: str, group: Sequence[Object]) -> None:
        """Read what is there, together where it is much."""
        left = list(group)
        if len(left) > FEW:
            found = await self._list(self.cluster, kind, namespace, _labels(group))
            left = self._sort_in(left, found or [])
        if len(left) > FEW:
            there = await self._list(self.cluster.of_metadata(), kind, namespace, None)
            if there is not None:
                names = {item["metadata"]["name"] for item in there}
                self._lives |= {place_of(identity(one)): None for one in left if one["metadata"]["name"] not in names}
                left = [one for one in left if one["metadata"]["name"] in names]
        await asyncio.gather(*(self.live(kind, one) for one in left))

    def _sort_in(self, group: Iterable[Object], found: Iterable[Object]) -> list[Object]:
        by_name = {item["metadata"]["name"]: item for item in found}
        left = []
        for one in group:
            live = by_name.get(one["metadata"]["name"])
            if live is None:
                left.append(one)
            else:
                self._lives[place_of(identity(one))] = live
        return left

    async def _list(self, cluster: Cluster, kind: Kind, namespace: str, labels: str | None) -> list[Object] | None:
        """None where there is no right to list; then each is asked for."""
        try:
            return (await cluster.list_from(kind, namespace or None, labels))[0]
        except ForbiddenError:
            return None

    async def _read(self, kind: Kind, manifest: Object) -> Object | None:
        meta = manifest["metadata"]
        async with self._room:
            return await self.cluster.find(kind, meta["name"], meta.get("namespace"))


def _labels(group: Sequence[Object]) -> str:
    """The selector of an owner's objects: all of a sync have the same one."""
    return ",".join(f"{name}={value}" for name, value in sorted(owner_labels(group[0]).items()))
