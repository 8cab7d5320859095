"""A cluster in memory that knows who owns which field, as server-side apply writes it down, and counts what it is asked.

Maps are owned key by key, lists as a whole. An apply of what is there already changes nothing, not even the version. The
answers of a real API server to the same writes are in `tests/sluice/sync/drift/test_differences.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.kubernetes.cluster import Change, Kind
from tests.memory_cluster import MemoryCluster
from tests.memory_words import fits
from tests.samples import copied, merged

Object = dict[str, Any]
Path = tuple[str, ...]
Owned = dict[tuple[str, str], set[Path]]
UNOWNED = frozenset({"apiVersion", "kind", "status"})
META = frozenset({"name", "namespace", "uid", "resourceVersion", "generation", "managedFields", "creationTimestamp"})
BEGIN = datetime(2026, 11, 27, 12, tzinfo=UTC)


@dataclass
class OwningCluster(MemoryCluster):
    """A MemoryCluster with managedFields.

    Attributes:
        asked: requests by verb and kind.
        cut: watches break while it is set, and cannot be begun.
    """

    asked: Counter[str] = field(default_factory=Counter)
    cut: BaseException | None = None

    def requests(self, *but: str) -> int:
        """All requests, without watches, the worker's own leases, and what is named."""
        return sum(
            number
            for what, number in self.asked.items()
            if not what.startswith("watch") and not what.endswith("Lease") and what not in but
        )

    def of_metadata(self) -> Bare:
        return Bare(self)

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        self.asked[f"get {kind.kind}"] += 1
        return await super().get(kind, name, namespace)

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        self.asked[f"get {kind.kind}"] += 1
        return await super().find(kind, name, namespace)

    async def list_from(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> tuple[list[Object], str]:
        self.asked[f"list {kind.kind}"] += 1
        if self.cut is not None:
            raise self.cut
        return await super().list_from(kind, namespace, labels)

    async def watch(
        self, kind: Kind, resource_version: str, namespace: str | None = None, labels: str | None = None
    ) -> AsyncIterator[Change]:
        self.asked[f"watch {kind.kind}"] += 1
        if self.cut is not None:
            raise self.cut
        async for one in super().watch(kind, resource_version, namespace, labels):
            if one.type == "CUT":
                assert self.cut is not None
                raise self.cut
            yield one

    def break_watches(self, error: BaseException) -> None:
        """What is on its way is lost, and nothing comes until `cut` is None."""
        self.cut = error
        for *_, queue in self.watchers:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(Change("CUT", {}))

    async def apply(self, manifest: Object, *, manager: str = "sluice", force: bool = True) -> Object:
        self.asked[f"apply {manifest['kind']}"] += 1
        if manifest["kind"] == "Lease":
            return await super().apply(manifest, manager=manager, force=force)
        await asyncio.sleep(0)
        old = self.objects.get(self._key(manifest))
        if old:
            self._fence(old, manifest)
        made = self._applied(manifest, manager)
        return copied(old) if old is not None and made == old else await self._put("apply", made)

    async def dry_run(self, manifest: Object, *, manager: str = "sluice") -> Object:
        self.asked[f"dry run {manifest['kind']}"] += 1
        return self._applied(manifest, manager)

    def _applied(self, manifest: Object, manager: str) -> Object:
        """The object as an apply would make it; the very one where nothing changes."""
        old = self.objects.get(self._key(manifest))
        live, owned = (copied(old), _owned(old)) if old else (_bare(manifest), {})
        wanted, me = dict(_leaves(manifest)), (manager, "Apply")
        for path in owned.get(me, set()) - wanted.keys():
            if not any(path in theirs for who, theirs in owned.items() if who != me):
                _drop(live, path)
        for path, value in wanted.items():
            if _at(live, path) != value:
                _put(live, path, value)
                owned = {who: paths - {path} for who, paths in owned.items()}
        if old is not None and owned.get(me) == set(wanted) and _content(live) == _content(old):
            return copied(old)
        return self._entered(live, {**owned, me: set(wanted)}, old)

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        self.asked[f"patch {kind.kind}"] += 1
        return await super().patch(kind, name, namespace, body, subresource=subresource)

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        self.asked[f"delete {kind.kind}"] += 1
        await super().delete(kind, name, namespace)

    def edit(
        self, kind: str, name: str, namespace: str, body: Object, manager: str = "kubectl-edit", **entry: str
    ) -> None:
        """A merge patch by somebody else, who owns then what he has changed."""
        old = self.now(kind, name, namespace)
        live, owned = merged(old, body), _owned(old)
        before, after = dict(_leaves(old)), dict(_leaves(live))
        changed = {path for path in after if before.get(path) != after[path]}
        owned = {who: {path for path in paths if path in after} - changed for who, paths in owned.items()}
        me = (manager, "Update")
        self._store(self._entered(live, {**owned, me: owned.get(me, set()) | changed}, old, **entry))

    def _tell(self, type_: str, item: Object) -> None:
        """An object that no longer fits a watch's selector is deleted, as far as the watch is concerned."""
        super()._tell(type_, item)
        kind, namespace, _ = self._key(item)
        for its, where, labels, queue in self.watchers:
            if its == kind and where in {None, namespace} and not fits(item, labels):
                queue.put_nowait(Change("DELETED", copied(item)))

    def _entered(self, live: Object, owned: Owned, old: Object | None, **entry: str) -> Object:
        """The object with its managedFields; a manager whose set is as it was keeps its time."""
        before = {
            (one["manager"], one["operation"]): one for one in (old or live)["metadata"].get("managedFields") or []
        }
        now = (BEGIN + timedelta(seconds=self.version)).strftime("%Y-%m-%dT%H:%M:%SZ")
        acting = [who for who, paths in owned.items() if paths and paths - _set(before.get(who))]
        live["metadata"]["managedFields"] = [
            {
                "manager": who[0],
                "operation": who[1],
                "time": now if who in acting or who not in before else before[who]["time"],
                "fieldsV1": _tree(paths),
                **(entry if who in acting else {}),
            }
            for who, paths in owned.items()
            if paths
        ]
        return live


@dataclass
class Bare:
    """The same cluster, of whose objects only the metadata is seen."""

    cluster: OwningCluster

    async def list_from(self, *where: Any) -> tuple[list[Object], str]:
        items, version = await self.cluster.list_from(*where)
        return [_metadata(item) for item in items], version

    async def watch(self, *where: Any) -> AsyncIterator[Change]:
        async for one in self.cluster.watch(*where):
            yield Change(one.type, _metadata(one.object))


def _metadata(item: Object) -> Object:
    return {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": item["metadata"]}


def _bare(manifest: Object) -> Object:
    meta = {key: value for key, value in manifest["metadata"].items() if key in {"name", "namespace"}}
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": meta}


def _content(item: Object) -> Object:
    return {**item, "metadata": {key: value for key, value in item["metadata"].items() if key not in META}}


def _leaves(item: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    skipped = UNOWNED if not path else META if path == ("metadata",) else frozenset()
    found: list[tuple[Path, Any]] = []
    for key, value in item.items():
        if key in skipped:
            continue
        if isinstance(value, dict) and value:
            found += _leaves(value, (*path, key))
        else:
            found.append(((*path, key), value))
    return found


def _owned(item: Object) -> Owned:
    entries = item["metadata"].get("managedFields") or []
    return {(one["manager"], one["operation"]): _set(one) for one in entries}


def _set(entry: Object | None) -> set[Path]:
    return set(_paths(entry["fieldsV1"])) if entry else set()


def _paths(tree: Object, path: Path = ()) -> list[Path]:
    return [one for key, below in tree.items() for one in (_paths(below, (*path, key[2:])) or [(*path, key[2:])])]


def _tree(paths: set[Path]) -> Object:
    tree: Object = {}
    for path in sorted(paths):
        at = tree
        for name in path:
            at = at.setdefault(f"f:{name}", {})
    return tree


def _at(item: Any, path: Path) -> Any:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def _put(item: Object, path: Path, value: Any) -> None:
    for name in path[:-1]:
        item = item.setdefault(name, {})
    item[path[-1]] = copied(value)


def _drop(item: Object, path: Path) -> None:
    for name in path[:-1]:
        item = item.get(name, {})
    item.pop(path[-1], None)
