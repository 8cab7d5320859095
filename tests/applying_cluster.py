"""A cluster in memory whose server-side apply keeps account of who has set what, and whose deletions wait for finalizers.

What Kubernetes itself does is tried on the lab; this is what a sync leans on: a field that its last manager no longer
names is taken away, one that another manager has stays, and an object with finalizers is there until they are gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.cluster import Kind
from sluice.errors import InvalidError, NotFoundError
from tests.memory_cluster import KINDS, MemoryCluster
from tests.samples import copied, merged

Object = dict[str, Any]
NAMESPACED = {
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("apps/v1", "Deployment"): "deployments",
    ("batch/v1", "Job"): "jobs",
    ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"): "kustomizations",
}
WIDE = {("v1", "Namespace"): "namespaces", ("rbac.authorization.k8s.io/v1", "ClusterRole"): "clusterroles"}
NOT_OWNED = {"apiVersion", "kind", "metadata"}


@dataclass
class ApplyingCluster(MemoryCluster):
    """Objects with managed fields.

    Attributes:
        served: the kinds there are, by API version and kind.
        fixed: dotted paths of fields that cannot be changed, by kind.
    """

    served: dict[tuple[str, str], Kind] = field(
        default_factory=lambda: {
            **{key: Kind(*key, plural) for key, plural in NAMESPACED.items()},
            **{key: Kind(*key, plural, namespaced=False) for key, plural in WIDE.items()},
            **{(kind.api_version, kind.kind): kind for kind in KINDS.values()},
        }
    )
    fixed: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    async def resource_for(self, api_version: str, kind: str) -> Kind:
        try:
            return self.served[api_version, kind]
        except KeyError:
            raise NotFoundError(f"the cluster does not serve {kind} of {api_version}: is its CRD installed?") from None

    async def versions_of(self, group: str) -> tuple[str, ...]:
        return tuple(version.rpartition("/")[2] for version, _ in self.served if version.rpartition("/")[0] == group)

    async def apply(self, manifest: Object, *, manager: str = "sluice", force: bool = True) -> Object:
        await self._pass("before", manifest)
        old = self.objects.get(self._key(manifest))
        if old is None:
            return await self._put("apply", _with_entry(copied(manifest), [], manager, manifest))
        self._fence(old, manifest)
        path = self.fixed.get(manifest["kind"])
        if path and _at(old, path) is not None and _at(old, path) != _at(manifest, path):
            raise InvalidError(f"{manifest['kind']} {manifest['metadata']['name']}: {path}: field is immutable")
        entries = old["metadata"].get("managedFields") or []
        before = next((one["fieldsV1"] for one in entries if _is(one, manager)), {})
        others = [one for one in entries if not _is(one, manager)]
        wanted = fields_of(manifest)
        for way in _leaves(before):
            if not _has(wanted, way) and not any(_has(one["fieldsV1"], way) for one in others):
                _drop(old := copied(old), way)
        new = _with_entry(merged(old, manifest), others, manager, manifest)
        if _plain(new) == _plain(self.objects[self._key(manifest)]):
            # As an API server: what changes nothing is no write.
            stored = copied(self.objects[self._key(manifest)])
            await self._pass("after", stored)
            return stored
        return await self._put("apply", new)

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        try:
            return await super().patch(kind, name, namespace, body, subresource=subresource)
        finally:
            meta = self.objects.get((kind.kind, namespace or "", name), {}).get("metadata", {})
            if meta.get("deletionTimestamp") and not meta.get("finalizers"):
                self.vanish(kind, name, namespace or "")

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        key = (kind.kind, namespace or "", name)
        found = self.objects.get(key)
        if found is None:
            return
        for hook in self.hooks:
            hook("before", "delete", found)
        self.acts.append(f"delete {kind.kind} {name}")
        if found["metadata"].get("finalizers"):
            gone = copied(found)
            gone["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self._store(gone)
            self.objects[key]["metadata"]["generation"] += 1
        else:
            self.vanish(kind, name, namespace or "")
        for hook in self.hooks:
            hook("after", "delete", found)

    def by_hand(self, kind: str, namespace: str, name: str, change: Object, manager: str = "kubectl-edit") -> None:
        """Change an object as a person does with kubectl."""
        old = self.objects[kind, namespace, name]
        entries = copied(old["metadata"].get("managedFields") or [])
        for one in entries:
            for way in _leaves(fields_of(change)):
                if _at(old, ".".join(part.removeprefix("f:") for part in way)) != _at(
                    change, ".".join(part.removeprefix("f:") for part in way)
                ):
                    _drop(one["fieldsV1"], way)
            one["fieldsV1"] = _without_empty(one["fieldsV1"], fields_of(old))
        new = merged(old, change)
        new["metadata"]["managedFields"] = [
            *(one for one in entries if one["fieldsV1"]),
            _entry(manager, "Update", change),
        ]
        self._store(new)


def fields_of(manifest: Object) -> Object:
    """The fields that a manifest names, in the form of managed fields; lists are one field."""

    def below(value: Any) -> Object:
        return {f"f:{key}": below(one) for key, one in value.items()} if isinstance(value, dict) else {}

    own = below({key: value for key, value in manifest.items() if key not in NOT_OWNED})
    meta = manifest.get("metadata") or {}
    named = {key: meta[key] for key in ("labels", "annotations") if meta.get(key)}
    return {**own, "f:metadata": below(named)} if named else own


def _with_entry(item: Object, others: list[Object], manager: str, manifest: Object) -> Object:
    item["metadata"]["managedFields"] = [*copied({"x": others})["x"], _entry(manager, "Apply", manifest)]
    return item


def _entry(manager: str, operation: str, manifest: Object) -> Object:
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields_of(manifest)}


def _plain(item: Object) -> Object:
    meta = item["metadata"]
    fields = sorted((one["manager"], one["operation"], str(one["fieldsV1"])) for one in meta.get("managedFields") or [])
    return {**item, "metadata": {**meta, "managedFields": fields, "resourceVersion": ""}}


def _is(entry: Object, manager: str) -> bool:
    return bool(entry["manager"] == manager and entry["operation"] == "Apply")


def _leaves(fields: Object, way: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for key, below in fields.items():
        found += _leaves(below, (*way, key)) if below else [(*way, key)]
    return found


def _has(fields: Object, way: tuple[str, ...]) -> bool:
    for part in way:
        if part not in fields:
            return False
        fields = fields[part]
    return True


def _drop(item: Object, way: tuple[str, ...]) -> None:
    """Take a field away, of an object or of an entry of managed fields."""
    for part in way[:-1]:
        item = item.get(part, item.get(part.removeprefix("f:"), {}))
    for name in (way[-1], way[-1].removeprefix("f:")):
        item.pop(name, None)


def _without_empty(fields: Object, known: Object) -> Object:
    """The fields without maps of which nothing is owned any more; an empty map that was applied as one is a field."""
    kept = {key: _without_empty(below, known.get(key) or {}) for key, below in fields.items()}
    return {key: below for key, below in kept.items() if below or not known.get(key)}


def _at(item: Any, path: str) -> Any:
    for part in path.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    return item
