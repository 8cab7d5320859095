"""Canaries and the workloads that they govern, read as models and written through the journal's fence."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, EVENT, POD, kind_of
from blocks.kubernetes.writer import Writer
from sluice.errors import ConflictError, InvalidError, NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flagger.canary_metric import ObjectReference
from sluice.manifests.flagger.canary_status import CanaryStatus
from sluice.rollout.objects import is_made, is_owned, pod_query
from sluice.rollout.safety.begun import as_begun, check_kept, renamed, salvageable, salvaged
from sluice.rollout.safety.readiness import belongs, template_of, why_not_ready
from sluice.rollout.tending.finalizer import finalizers
from sluice.rollout.workloads import workload_named, workload_of
from sluice.rollout.workloads.base import has_pods, together

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canaries:
    """The Canaries of one cluster, as one actor reads and writes them."""

    writer: Writer

    async def read(self, name: str, namespace: str) -> Canary:
        """The Canary as it is known.

        Raises:
            NotFoundError: there is none.
            InvalidError: it is not valid, or its target is of an unknown kind; the message names the fields.
        """
        canary = Canary.parse(await self.writer.informers.get(CANARY, name, namespace))
        workload_of(canary)
        return canary

    async def begun(self, name: str, namespace: str) -> tuple[Canary, str]:
        """The Canary by the names that its release under way was begun by, and why that release cannot go on; empty where
        it can.

        Raises:
            NotFoundError: there is none.
            InvalidError: it is not valid, and nothing of it is under way that has to be brought home.
        """
        item = await self.writer.informers.get(CANARY, name, namespace)
        try:
            canary = Canary.parse(item)
            workload_of(canary)
        except InvalidError as error:
            if not salvageable(item):
                raise
            return salvaged(item), str(error)
        return as_begun(canary), renamed(canary)

    async def write(self, canary: Canary, patch: Object) -> Canary:
        """Write a journal entry, fenced by the status that it was decided on.

        A change of the spec by its users moves the object's version too and is no other actor: the entry is tried again.

        Raises:
            ConflictError: somebody else wrote the status: decide again.
            LostError: the right to act is gone.
            InvalidError: the cluster's definition of the kind does not keep what opens a release.
        """

        def wish(now: Object) -> Object:
            if _status(now).journal != canary.status.journal:
                raise ConflictError(f"{canary}: its status was written by somebody else")
            return patch

        written = await self.writer.change(CANARY, canary.name, canary.namespace, wish, subresource="status")
        check_kept(patch["status"], written.get("status") or {})
        try:
            return as_begun(Canary.parse(written))
        except InvalidError:
            return canary.model_copy(update={"status": _status(written)})

    async def hold(self, canary: Canary, *, wanted: bool) -> None:
        """Have a Canary that is deleted wait for its finalizer, or wait no longer; all else of it is its users'."""
        await self.writer.change(CANARY, canary.name, canary.namespace, lambda now: finalizers(now, wanted=wanted))

    async def target(self, canary: Canary) -> Object:
        """The workload that users change.

        Raises:
            NotFoundError: `spec.targetRef` names none.
        """
        return await self.writer.informers.get(_kind(canary), canary.target, canary.namespace)

    async def primary(self, canary: Canary) -> Object | None:
        """The workload that serves users; None before the Canary is initialised."""
        try:
            return await self.writer.informers.get(_kind(canary), canary.primary, canary.namespace)
        except NotFoundError:
            return None

    async def baseline(self, canary: Canary) -> Object | None:
        """The workload that the canary is compared with; None where there is none, or somebody else's has its name.

        One that was left by a comparison which is no longer asked for is found as well; looking for that asks nobody.
        """
        found = await self.writer.informers.find(_kind(canary), canary.baseline, canary.namespace)
        if found is None and canary.compared:
            with suppress(NotFoundError):
                found = await self.writer.informers.fresh(_kind(canary), canary.baseline, canary.namespace)
        return found if found is not None and is_owned(canary, found) else None

    async def scale(self, canary: Canary, name: str, pods: int, *, frozen: bool = False) -> Object:
        """Give a workload so many pods; nothing is written where that is so.

        Args:
            frozen: leave it frozen where it is; else it follows its template from now on.
        """
        writes = workload_of(canary).writes

        def wish(now: Object) -> Object | None:
            return together(None if frozen else writes.thawed(now), writes.scaled(now, pods))

        return await self.writer.change(_kind(canary), name, canary.namespace, wish)

    async def fill(self, canary: Canary, name: str, pods: int, *, frozen: bool = False) -> Object:
        """Give a workload at least so many pods: one that an autoscaler or a person has given more keeps them.

        Args:
            frozen: as for `scale`.
        """
        workload = workload_of(canary)

        def wish(now: Object) -> Object | None:
            scaled = None if has_pods(workload, now, pods) else workload.writes.scaled(now, pods)
            return together(None if frozen else workload.writes.thawed(now), scaled)

        return await self.writer.change(_kind(canary), name, canary.namespace, wish)

    async def freeze(self, canary: Canary) -> Object:
        """Keep the target's pods at the template that they run, whatever is pushed meanwhile, until it is scaled again."""
        return await self.writer.change(
            _kind(canary), canary.target, canary.namespace, workload_of(canary).writes.frozen
        )

    async def thaw(self, target: ObjectReference, namespace: str) -> None:
        """Let a workload follow its template again; nothing else of it changes."""
        workload = workload_named(target)
        await self.writer.change(kind_of(workload), target.name, namespace, workload.writes.thawed)

    async def fence_out(self, canary: Canary) -> None:
        """Make writes fail that the previous holder of the lease may still have on their way, entries of the journal too."""
        kind, namespace, baseline = _kind(canary), canary.namespace, await self.baseline(canary)
        made = [canary.primary, *([canary.baseline] if baseline else [])]
        marks = [self.writer.mark(CANARY, canary.name, namespace), self.writer.mark(kind, canary.target, namespace)]
        marks += [self.writer.mark(kind, name, namespace, lambda item: is_made(canary, item)) for name in made]
        for done in await asyncio.gather(*marks, return_exceptions=True):
            if done is not None:
                raise done

    async def why_not_ready(self, canary: Canary, workload: Object) -> str:
        """Why a workload's pods do not serve, in the pods' own words."""
        labelled = await self.writer.cluster.list(POD, canary.namespace, pod_query(workload))
        pods = [pod for pod in labelled if belongs(workload, pod)]
        # Pods of an older revision may still be leaving; their reasons are not this revision's.
        last = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        current = [pod for pod in pods if last and template_of(pod) == template_of(last)]
        return why_not_ready(current, await self.writer.cluster.list(EVENT, canary.namespace))


def _kind(canary: Canary) -> Kind:
    return kind_of(workload_of(canary))


def _status(item: Object) -> CanaryStatus:
    return CanaryStatus.model_validate(item.get("status") or {})
