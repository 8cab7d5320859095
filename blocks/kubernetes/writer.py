"""The writes of one actor: each checked against its lease, fenced by the object's version, and known to readers at once.

A process that was stopped between its last look and its write still has the old version when it wakes up. The run that
fenced it out has marked every object that it acts on (`TOKEN_ANNOTATION`) before anything else, so that the API server
refuses this version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.informers import Informers
from sluice.errors import ConflictError, NotFoundError

Object = dict[str, Any]
TOKEN_ANNOTATION = "sluice.dev/taken-over-by"  # noqa: S105 - a fencing token is no secret
"""On what a rollout acts on: the claim of the lease that last fenced out one that was not released."""
TRIES = 8
"""Writes against a moving object before giving up; a Deployment's own status moves it several times a second."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes under one lease, each fenced by the version of the object that it was decided on.

    Attributes:
        cluster: where to write.
        informers: what is known of it.
        check: raises LostError where the right to act is gone; asked right before each write.
        token: marks this holding of the lease.
        wrote: gets the kind and name of each object that was written.
    """

    cluster: Cluster
    informers: Informers
    check: Callable[[], None]
    token: str
    wrote: Callable[[str], object] = lambda _: None

    async def change(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        wish: Callable[[Object], Object | None],
        *,
        subresource: str | None = None,
        watched: bool = True,
    ) -> Object:
        """Bring an object to what `wish` makes of its present state; returns it as it is then.

        Args:
            wish: the merge patch that is wanted of the object as it is; None where nothing has to be written. Asked again
                when the object moved on; what it raises is raised.
            watched: its kind is; else the API server is asked.

        Raises:
            ConflictError: the object moves faster than it can be written.
            LostError: the right to act is gone.
        """
        known = self.informers.get if watched else self.informers.fresh
        now = await known(kind, name, namespace)
        for _ in range(TRIES):
            patch = wish(now)
            if patch is None:
                return now
            fenced = {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": _version(now)}}
            self.check()
            try:
                changed = await self.cluster.patch(kind, name, namespace, fenced, subresource=subresource)
            except ConflictError:
                now = await self.informers.fresh(kind, name, namespace)
            else:
                self.informers.wrote(kind, changed)
                self.wrote(f"{kind.kind} {name}")
                return changed
        raise ConflictError(f"{kind.kind} {namespace}/{name} changes faster than it can be written")

    async def mark(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        ours: Callable[[Object], bool] = lambda _: True,
        *,
        watched: bool = True,
    ) -> None:
        """Make writes of the previous holder fail; changes nothing else, and nothing where there is no such object.

        Args:
            ours: whether an object is one that sluice writes to: what somebody else has put in its place is left alone.
        """

        def wish(now: Object) -> Object | None:
            marked = (now["metadata"].get("annotations") or {}).get(TOKEN_ANNOTATION) == self.token
            return None if marked or not ours(now) else {"metadata": {"annotations": {TOKEN_ANNOTATION: self.token}}}

        try:
            await self.change(kind, name, namespace, wish, watched=watched)
        except NotFoundError:
            return

    async def apply(self, kind: Kind, manifest: Object) -> Object:
        """Server-side apply; fenced where the object exists.

        Raises:
            ConflictError: it moves faster than it can be written.
            LostError: the right to act is gone.
        """
        meta = manifest["metadata"]
        return await self.bring(kind, meta["name"], meta["namespace"], lambda _now: manifest)

    async def make(self, kind: Kind, manifest: Object) -> Object:
        """Server-side apply of what is not there; what somebody has put there meanwhile is not written to.

        Raises:
            ConflictError: somebody was quicker: look whose it is, and decide again.
            LostError: the right to act is gone.
        """
        meta = manifest["metadata"]

        def wish(now: Object | None) -> Object:
            if now is not None:
                raise ConflictError(
                    f"{kind.kind} {meta['namespace']}/{meta['name']} was made by somebody else just now"
                )
            return manifest

        return await self.bring(kind, meta["name"], meta["namespace"], wish)

    async def bring(
        self,
        kind: Kind,
        name: str,
        namespace: str,
        wish: Callable[[Object | None], Object | None],
        *,
        watched: bool = True,
    ) -> Object:
        """Server-side apply of what `wish` makes of an object as it is, None where there is none.

        Args:
            wish: the manifest that is wanted; None where nothing has to be written. Asked again when the object moved on;
                what it raises is raised.
            watched: as for `change`.

        Raises:
            ConflictError: it moves faster than it can be written.
            LostError: the right to act is gone.
        """
        # Without a version an apply is not fenced: that nothing is there has to be the API server's own word.
        now = await (self._now if watched else self._fresh)(kind, name, namespace)
        for _ in range(TRIES):
            manifest = wish(now)
            if manifest is None:
                return now or {}
            fence = {"resourceVersion": _version(now)} if now else {}
            self.check()
            try:
                applied = await self.cluster.apply({**manifest, "metadata": {**manifest["metadata"], **fence}})
            except (ConflictError, NotFoundError):
                now = await self._fresh(kind, name, namespace)
            else:
                self.informers.wrote(kind, applied)
                self.wrote(f"{kind.kind} {name}")
                return applied
        raise ConflictError(f"{kind.kind} {namespace}/{name} changes faster than it can be written")

    async def put(
        self, kind: Kind, name: str, namespace: str, wish: Callable[[Object | None], Object | None]
    ) -> Object:
        """Bring a whole object to what `wish` makes of it as it is, None where there is none; what is left out is gone.

        It is created only where it does not exist, and so changes nothing that somebody made meanwhile: unlike an apply, it
        is fenced then too.

        Args:
            wish: the manifest that is wanted; None where nothing has to be written. What it raises is raised.

        Raises:
            ConflictError: it moves faster than it can be written.
            LostError: the right to act is gone.
        """
        now = await self._now(kind, name, namespace)
        for _ in range(TRIES):
            whole = wish(now)
            if whole is None:
                return now or {}
            self.check()
            try:
                if now is None:
                    done = await self.cluster.create(whole)
                else:
                    done = await self.cluster.replace(kind, {**whole, "metadata": _kept(now, whole)})
            except (ConflictError, NotFoundError):
                now = await self._fresh(kind, name, namespace)
            else:
                self.informers.wrote(kind, done)
                self.wrote(f"{kind.kind} {name}")
                return done
        raise ConflictError(f"{kind.kind} {namespace}/{name} changes faster than it can be written")

    async def _fresh(self, kind: Kind, name: str, namespace: str) -> Object | None:
        try:
            return await self.informers.fresh(kind, name, namespace)
        except NotFoundError:
            return None

    async def _now(self, kind: Kind, name: str, namespace: str) -> Object | None:
        try:
            return await self.informers.get(kind, name, namespace)
        except NotFoundError:
            return None


def _kept(now: Object, whole: Object) -> Object:
    """The metadata of the new manifest over that of the old one: others' annotations stay, and its version is the fence."""
    annotations = {**(now["metadata"].get("annotations") or {}), **(whole["metadata"].get("annotations") or {})}
    return {**now["metadata"], **whole["metadata"], "annotations": annotations}


def _version(item: Object) -> str:
    return str(item["metadata"]["resourceVersion"])
