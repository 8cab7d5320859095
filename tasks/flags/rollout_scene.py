"""A FlagRollout as its stages see it: the object, its flag as the service has it, and the journal that is written fenced."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.flags.base import FlagService
from blocks.kubernetes.kinds import FLAG_ROLLOUT
from blocks.leases.lease import Lease, current_lease, owning
from sluice.errors import ConflictError, StaleError
from sluice.flags.flag import Flag
from sluice.manifests.conditions import READY, Condition, with_condition
from sluice.manifests.own.flag_rollout import OVER, FlagRollout, FlagRolloutStatus, RaisePhase


class FlagRef(BaseModel):
    """Which FlagRollout."""

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}"


class Looked(BaseModel):
    """What there is to decide by.

    Attributes:
        rollout: with its journal.
        flag: None where the service has none.
        now: seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True)
    rollout: FlagRollout
    flag: Flag | None
    now: float


@asynccontextmanager
async def claimed(ref: FlagRef, run: str) -> AsyncIterator[Lease]:
    """Wait until nobody else acts on this FlagRollout, then hold its Lease for as long as the block lasts."""
    lease = lease_for(connections(), ref, run)
    async with owning(lease):
        yield lease


def lease_for(wired: Connections, ref: FlagRef, run: str) -> Lease:
    """Its Lease, for one that wants to hold it; it does not yet."""
    name = f"sluice-flag-{ref.name}"
    return Lease(wired.cluster, wired.informers, wired.lease, wired.workers, name, ref.namespace, run)


async def looked(ref: FlagRef) -> Looked | None:
    """What there is now; None where the FlagRollout is gone, or goes.

    Raises:
        TransientError: the cluster or the service does not answer.
        InvalidError: the manifest, or what the service says, is not valid.
    """
    wired = connections()
    found = await wired.cluster.find(FLAG_ROLLOUT, ref.name, ref.namespace)
    if found is None or found["metadata"].get("deletionTimestamp"):
        return None
    rollout = FlagRollout.parse(found)
    service = await service_of(wired, rollout)
    return Looked(rollout=rollout, flag=await service.flag(rollout.spec.flag, rollout.environment), now=time.time())


async def service_of(wired: Connections, rollout: FlagRollout) -> FlagService:
    """The service that it names."""
    return await wired.flags(rollout.spec.service, rollout.namespace)


async def write(rollout: FlagRollout, status: FlagRolloutStatus) -> None:
    """Write the journal, if nobody wrote it since the look, and the right to act is still ours.

    Raises:
        LostError: it is not.
        StaleError: somebody did.
    """
    current_lease().check()
    now = datetime.fromtimestamp(time.time(), UTC)
    status = status.model_copy(update={"conditions": with_condition(status.conditions, _ready(status), now)})
    body: dict[str, Any] = {
        "metadata": {"resourceVersion": rollout.metadata.resource_version},
        "status": status.model_dump(by_alias=True, mode="json"),
    }
    try:
        await connections().cluster.patch(FLAG_ROLLOUT, rollout.name, rollout.namespace, body, subresource="status")
    except ConflictError as error:
        raise StaleError(f"{rollout} was changed meanwhile") from error


async def write_trouble(ref: FlagRef, why: str) -> None:
    """Say on the FlagRollout why it does not go on, and touch nothing else of its status."""
    current_lease().check()
    wired = connections()
    found = await wired.cluster.find(FLAG_ROLLOUT, ref.name, ref.namespace)
    if found is None:
        return
    known = [Condition.model_validate(one) for one in (found.get("status") or {}).get("conditions") or []]
    failed = Condition(type=READY, status="False", reason="ServiceFailed", message=why)
    conditions = with_condition(known, failed, datetime.fromtimestamp(time.time(), UTC))
    shown = [one.model_dump(by_alias=True, mode="json") for one in conditions]
    body = {"status": {"conditions": shown}}
    await wired.cluster.patch(FLAG_ROLLOUT, ref.name, ref.namespace, body, subresource="status")


def _ready(status: FlagRolloutStatus) -> Condition:
    over = {RaisePhase.SUCCEEDED: "True"}.get(status.phase, "False" if status.phase in OVER else "Unknown")
    return Condition(
        type=READY,
        status=over,
        reason=str(status.phase) or "Initializing",
        message=status.message,
        observed_generation=status.observed_generation,
    )
