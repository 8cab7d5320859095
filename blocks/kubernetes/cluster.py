"""Kubernetes: read, server-side apply, patch and watch any kind, with sluice's errors.

Objects go in and out as plain dictionaries: the kinds are open (users' own CRDs), and models of them belong to the rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from blocks.kubernetes.api_server import JSON, LIST_METADATA, OBJECT_METADATA, ApiServer
from blocks.kubernetes.reach import SERVICE_ACCOUNT, reach
from sluice.errors import NotFoundError, TerminalError

REVIEW = "authentication.k8s.io/v1"
Object = dict[str, Any]
Objects = list[Object]
PAGE = 500
"""Objects of one page: what the official clients ask for."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object and the way to its collection."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path on the API server of the collection or of one object in it."""
        root = "/api/" if "/" not in self.api_version else "/apis/"
        parts = [root + self.api_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch: `ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`, and the object as it is now."""

    type: str
    object: Object


@dataclass(slots=True)
class Cluster:
    """One Kubernetes cluster.

    Attributes:
        server: its API server.
        namespaces: those that this installation looks after; empty for all. A list without a namespace is one of these.
        bare: objects of lists and watches have their metadata only.
        given: chooses among the objects of a list those that this installation acts on.
    """

    server: ApiServer
    namespaces: tuple[str, ...] = ()
    bare: bool = False
    given: Callable[[Kind, Objects], Objects] = lambda _, items: items
    _kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)

    @classmethod
    async def connect(
        cls,
        kubeconfig: str | None = None,
        context: str | None = None,
        service_account: Path = SERVICE_ACCOUNT,
        namespaces: tuple[str, ...] = (),
    ) -> Self:
        """From a kubeconfig file, or from the pod's service account where there is none.

        Raises:
            TerminalError: neither a kubeconfig nor a service account can be read; the message says what was tried.
        """
        return cls(await reach(kubeconfig, context, service_account), namespaces)

    async def close(self) -> None:
        """End all connections."""
        await self.server.close()

    @property
    def name(self) -> str:
        """What messages call it: its context."""
        return f"cluster {self.server.name}"

    async def ping(self) -> str:
        """The version of its API server, asked with the credentials of every other call."""
        return f"Kubernetes {(await self.server.call('GET', '/version')).get('gitVersion', 'of an unknown version')}"

    async def whoami(self) -> tuple[str, tuple[str, ...]]:
        """Name and groups of the owner of these credentials, by the API server's word (SelfSubjectReview)."""
        body = {"apiVersion": REVIEW, "kind": "SelfSubjectReview"}
        answer = await self.server.call("POST", f"/apis/{REVIEW}/selfsubjectreviews", {}, body)
        user = answer["status"]["userInfo"]
        return str(user["username"]), tuple(user.get("groups") or ())

    def of_metadata(self) -> Self:
        """This cluster with lists and watches that bring the metadata of objects only: a fraction of what they weigh."""
        return replace(self, bare=True)

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        """One object.

        Raises:
            NotFoundError: it does not exist.
        """
        return await self.server.call("GET", kind.path(namespace, name))

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None where it does not exist."""
        try:
            return await self.get(kind, name, namespace)
        except NotFoundError:
            return None

    async def list(self, kind: Kind, namespace: str | None = None, labels: str | None = None) -> Objects:
        """All objects of a kind, in one namespace or in all that are looked after; `labels` is a label selector.

        Of a kind that the cluster does not serve there are none.
        """
        scope: tuple[str | None, ...] = (namespace,)
        if namespace is None and kind.namespaced and self.namespaces:
            scope = self.namespaces
        return self.given(kind, [item for one in scope for item in (await self.list_from(kind, one, labels))[0]])

    def acts_on(self, kind: Kind, item: Object) -> bool:
        """Whether an object that came by another way than `list` is this installation's to act on."""
        return bool(self.given(kind, [item]))

    async def list_from(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> tuple[Objects, str]:
        """All objects in one namespace or the whole cluster, with the resourceVersion from which a watch goes on without a
        gap; that is empty where the cluster does not serve the kind."""
        query = {"labelSelector": labels} if labels else {}
        accept = LIST_METADATA if self.bare else JSON
        try:
            answer = await self.server.call("GET", kind.path(namespace), query, accept=accept)
        except NotFoundError:
            if await self._lacks(kind):
                return [], ""
            raise
        items = answer.get("items") or []
        for item in items:
            item |= {"apiVersion": kind.api_version, "kind": kind.kind}  # many lists leave it out
        return items, answer["metadata"]["resourceVersion"]

    async def pages(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> AsyncIterator[Objects]:
        """All objects of a kind, some hundreds at a time, in one namespace or in all that are looked after.

        Raises:
            TransientError: it took so long that the cluster does not know the rest of the list any more: begin again.
        """
        scope = self.namespaces if namespace is None and kind.namespaced and self.namespaces else (namespace,)
        for one in scope:
            query = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
            while True:
                answer = await self.server.call("GET", kind.path(one), query)
                yield [item | {"apiVersion": kind.api_version, "kind": kind.kind} for item in answer.get("items") or []]
                token = answer["metadata"].get("continue")
                if not token:
                    break
                query["continue"] = token

    async def apply(self, manifest: Object, *, manager: str = "sluice", force: bool = True) -> Object:
        """Server-side apply: the fields named in `manifest` become ours, all others stay their owners'."""
        return await self._apply(manifest, {"fieldManager": manager, "force": str(force).lower()})

    async def dry_run(self, manifest: Object, *, manager: str = "sluice") -> Object:
        """The object as `apply` would make it, admission included. Nothing is stored."""
        return await self._apply(manifest, {"fieldManager": manager, "force": "true", "dryRun": "All"})

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        """JSON merge patch. `metadata.resourceVersion` in `body` is the fence: ConflictError if the object moved on."""
        path = kind.path(namespace, name, subresource)
        return await self.server.call("PATCH", path, {}, body, "application/merge-patch+json")

    async def create(self, manifest: Object) -> Object:
        """A new object.

        Raises:
            ConflictError: it exists already.
        """
        kind = await self.resource_for(manifest["apiVersion"], manifest["kind"])
        namespace = manifest["metadata"].get("namespace", "default") if kind.namespaced else None
        return await self.server.call("POST", kind.path(namespace), {"fieldManager": "sluice"}, manifest)

    async def replace(self, kind: Kind, manifest: Object) -> Object:
        """Put the whole object; its resourceVersion is the fence."""
        meta = manifest["metadata"]
        return await self.server.call("PUT", kind.path(meta.get("namespace"), meta["name"]), {}, manifest)

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Delete in the background; nothing happens where it does not exist."""
        try:
            await self.server.call("DELETE", kind.path(namespace, name), {"propagationPolicy": "Background"})
        except NotFoundError:
            return

    async def _apply(self, manifest: Object, query: dict[str, str]) -> Object:
        kind, meta = await self.resource_for(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]
        path = kind.path(meta.get("namespace", "default") if kind.namespaced else None, meta["name"])
        return await self.server.call("PATCH", path, query, manifest, "application/apply-patch+yaml")

    async def resource_for(self, api_version: str, kind: str) -> Kind:
        """The kind as the cluster serves it, by API discovery; asked once.

        Raises:
            NotFoundError: the cluster does not serve it, usually because its CRD is not installed.
        """
        known = self._kinds.get((api_version, kind))
        if known:
            return known
        root = "/api/" if "/" not in api_version else "/apis/"
        try:
            answer = await self.server.call("GET", root + api_version)
        except NotFoundError:
            answer = {"resources": []}
        for entry in answer["resources"]:
            if "/" not in entry["name"]:
                found = Kind(api_version, entry["kind"], entry["name"], bool(entry["namespaced"]))
                self._kinds[(api_version, entry["kind"])] = found
        known = self._kinds.get((api_version, kind))
        if known is None:
            raise NotFoundError(
                f"cluster {self.server.name} does not serve {kind} of {api_version}: is its CRD installed?"
            )
        return known

    async def versions_of(self, group: str) -> tuple[str, ...]:
        """The versions of an API group that the cluster serves, the preferred one first; none where it serves none."""
        if not group:
            return ()
        try:
            answer = await self.server.call("GET", f"/apis/{group}")
        except NotFoundError:
            return ()
        preferred = (answer.get("preferredVersion") or {}).get("version")
        served = [one["version"] for one in answer.get("versions") or []]
        return tuple(sorted(served, key=lambda version: version != preferred))

    async def _lacks(self, kind: Kind) -> bool:
        """Whether the API server says itself that it does not serve a kind: a proxy's 404 is no such word."""
        group, _, _ = kind.api_version.rpartition("/")
        if not group:
            return False
        try:
            groups = (await self.server.call("GET", "/apis"))["groups"]
            served = [one["groupVersion"] for known in groups for one in known["versions"]]
            if kind.api_version not in served:
                return True
            resources = (await self.server.call("GET", f"/apis/{kind.api_version}"))["resources"]
        except (TerminalError, KeyError, TypeError):
            return False
        return kind.plural not in {one["name"] for one in resources}

    async def watch(
        self, kind: Kind, resource_version: str, namespace: str | None = None, labels: str | None = None
    ) -> AsyncIterator[Change]:
        """Changes after `resource_version` until the server ends the watch; then watch again from the last seen one.

        Raises:
            ConflictError: 410 Gone, the version is too old: list again.
            TransientError: the connection broke.
        """
        query = {"watch": "true", "resourceVersion": resource_version, "allowWatchBookmarks": "true"}
        if labels:
            query["labelSelector"] = labels
        accept = OBJECT_METADATA if self.bare else JSON
        async for event in self.server.stream(kind.path(namespace), query, accept):
            yield Change(event["type"], event["object"])
