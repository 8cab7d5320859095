"""Canaries and the workloads that they govern, read as models and written through the journal's fence."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, EVENT, POD
from blocks.kubernetes.writer import Writer
from sluice.errors import ConflictError, NotFoundError
from sluice.manifests.flagger.canary import Canary, CanaryStatus
from sluice.rollout.objects import is_owned, selector_label
from sluice.rollout.readiness import why_not_ready

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Canaries:
    """The Canaries of one cluster, as one actor reads and writes them."""

    writer: Writer

    async def read(self, name: str, namespace: str) -> Canary:
        """The Canary as it is known.

        Raises:
            NotFoundError: there is none.
            InvalidError: it is not valid; the message names the fields.
        """
        return Canary.parse(await self.writer.seen.get(CANARY, name, namespace))

    async def write(self, canary: Canary, patch: Object) -> Canary:
        """Write a journal entry, fenced by the status that it was decided on.

        A change of the spec by its users moves the object's version too and is no other actor: the entry is tried again.

        Raises:
            ConflictError: somebody else wrote the status: decide again.
            LostError: the right to act is gone.
        """

        def wish(now: Object) -> Object:
            if _status(now) != canary.status:
                raise ConflictError(f"{canary}: its status was written by somebody else")
            return patch

        written = await self.writer.change(CANARY, canary.name, canary.namespace, wish, subresource="status")
        return Canary.parse(written)

    async def target(self, canary: Canary) -> Object:
        """The Deployment that users change.

        Raises:
            NotFoundError: `spec.targetRef` names none.
        """
        return await self.writer.seen.get(DEPLOYMENT, canary.target, canary.namespace)

    async def primary(self, canary: Canary) -> Object | None:
        """The Deployment that serves users; None before the Canary is initialised."""
        try:
            return await self.writer.seen.get(DEPLOYMENT, canary.primary, canary.namespace)
        except NotFoundError:
            return None

    async def baseline(self, canary: Canary) -> Object | None:
        """The Deployment that the canary is compared with; None where there is none, or somebody else's has its name.

        One that was left by a comparison which is no longer asked for is found as well; looking for that asks nobody.
        """
        found = await self.writer.seen.find(DEPLOYMENT, canary.baseline, canary.namespace)
        if found is None and canary.compared:
            with suppress(NotFoundError):
                found = await self.writer.seen.fresh(DEPLOYMENT, canary.baseline, canary.namespace)
        return found if found is not None and is_owned(canary, found) else None

    async def scale(self, canary: Canary, deployment: str, replicas: int, *, held: bool = False) -> Object:
        """Give a Deployment that many replicas; nothing is written where that is so.

        Args:
            held: leave it held where it is; else it follows its template from now on.
        """

        def wish(now: Object) -> Object | None:
            wanted = {"replicas": replicas} | ({"paused": False} if now["spec"].get("paused") and not held else {})
            done = all(now["spec"].get(key, 1) == value for key, value in wanted.items())
            return None if done else {"spec": wanted}

        return await self.writer.change(DEPLOYMENT, deployment, canary.namespace, wish)

    async def hold(self, canary: Canary) -> Object:
        """Keep the target's pods at the template that they run, whatever is pushed meanwhile, until it is scaled again."""

        def wish(now: Object) -> Object | None:
            return None if now["spec"].get("paused") else {"spec": {"paused": True}}

        return await self.writer.change(DEPLOYMENT, canary.target, canary.namespace, wish)

    async def release(self, deployment: str, namespace: str) -> None:
        """Let a Deployment follow its template again; nothing else of it changes."""

        def wish(now: Object) -> Object | None:
            return {"spec": {"paused": False}} if now["spec"].get("paused") else None

        await self.writer.change(DEPLOYMENT, deployment, namespace, wish)

    async def take_over(self, canary: Canary) -> None:
        """Make writes fail that whoever acted before may still have on their way."""
        beside = await self.baseline(canary)
        for deployment in (canary.target, canary.primary, *([canary.baseline] if beside else [])):
            await self.writer.mark(DEPLOYMENT, deployment, canary.namespace)

    async def why_not_ready(self, canary: Canary, deployment: Object) -> str:
        """Why the Deployment's pods do not serve, in the pods' own words."""
        label, value = selector_label(deployment)
        pods = await self.writer.cluster.list(POD, canary.namespace, f"{label}={value}")
        # Pods of an older revision may still be leaving; their reasons are not this revision's.
        last = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        current = [pod for pod in pods if last and _template(pod) == _template(last)]
        return why_not_ready(current, await self.writer.cluster.list(EVENT, canary.namespace))


def _status(item: Object) -> CanaryStatus:
    return CanaryStatus.model_validate(item.get("status") or {})


def _template(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get("pod-template-hash", ""))
