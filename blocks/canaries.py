"""Canaries and the workloads that they govern, read as models and written through the journal's fence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.cluster import Cluster
from blocks.kinds import CANARY, DEPLOYMENT, EVENT, POD
from sluice.errors import ConflictError
from sluice.manifests.canary import Canary
from sluice.rollout.objects import selector_label
from sluice.rollout.readiness import why_not_ready

Object = dict[str, Any]
FENCE_TRIES = 5


@dataclass(frozen=True, slots=True)
class Canaries:
    """The Canaries of one cluster."""

    cluster: Cluster

    async def read(self, name: str, namespace: str) -> Canary:
        """The Canary as it is now.

        Raises:
            NotFoundError: there is none.
            InvalidError: it is not valid; the message names the fields.
        """
        return Canary.parse(await self.cluster.get(CANARY, name, namespace))

    async def write(self, canary: Canary, patch: Object) -> Canary:
        """Write a journal entry, fenced by the resourceVersion that `canary` was read at.

        A change of the spec by its users moves the version too and is no other actor: then the entry is tried again as
        long as the status is still the one that it was decided on.

        Raises:
            ConflictError: somebody else wrote the status: decide again.
        """
        version = canary.metadata.resource_version
        for _ in range(FENCE_TRIES):
            body = {**patch, "metadata": {"resourceVersion": version}}
            try:
                written = await self.cluster.patch(CANARY, canary.name, canary.namespace, body, subresource="status")
            except ConflictError:
                now = await self.read(canary.name, canary.namespace)
                if now.status != canary.status:
                    raise
                version = now.metadata.resource_version
            else:
                return Canary.parse(written)
        raise ConflictError(f"{canary}: its spec changes faster than its status can be written")

    async def target(self, canary: Canary) -> Object:
        """The Deployment that users change.

        Raises:
            NotFoundError: `spec.targetRef` names none.
        """
        return await self.cluster.get(DEPLOYMENT, canary.target, canary.namespace)

    async def primary(self, canary: Canary) -> Object | None:
        """The Deployment that serves users; None before the Canary is initialised."""
        return await self.cluster.find(DEPLOYMENT, canary.primary, canary.namespace)

    async def scale(self, canary: Canary, deployment: str, replicas: int) -> Object:
        """Give a Deployment that many replicas and let it follow its template; nothing is written where that is so."""
        now = await self.cluster.get(DEPLOYMENT, deployment, canary.namespace)
        wanted = {"replicas": replicas} | ({"paused": False} if now["spec"].get("paused") else {})
        if all(now["spec"].get(key, 1) == value for key, value in wanted.items()):
            return now
        return await self.cluster.patch(DEPLOYMENT, deployment, canary.namespace, {"spec": wanted})

    async def hold(self, canary: Canary) -> Object:
        """Keep the target's pods at the template that they run, whatever is pushed meanwhile, until it is scaled again."""
        body = {"spec": {"paused": True}}
        return await self.cluster.patch(DEPLOYMENT, canary.target, canary.namespace, body)

    async def why_not_ready(self, canary: Canary, deployment: Object) -> str:
        """Why the Deployment's pods do not serve, in the pods' own words."""
        label, value = selector_label(deployment)
        pods = await self.cluster.list(POD, canary.namespace, f"{label}={value}")
        # Pods of an older revision may still be leaving; their reasons are not this revision's.
        last = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), default=None)
        current = [pod for pod in pods if last and _template(pod) == _template(last)]
        return why_not_ready(current, await self.cluster.list(EVENT, canary.namespace))


def _template(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get("pod-template-hash", ""))
