"""A Train as its stages see it: the object, the Canaries of its services, and the journal that is written fenced."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import CANARY, TRAIN
from blocks.leases.lease import Lease, current_lease, owning
from sluice.errors import ConflictError, InvalidError, StaleError
from sluice.manifests.conditions import READY, Condition, with_condition
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.train import CarState, Train, TrainPhase, TrainStatus
from sluice.recent import Recent
from sluice.trains.problems import Service, services

Object = dict[str, Any]
FINE = {TrainPhase.ARRIVED: "True", TrainPhase.RETURNED: "False"}
"""Status of the Ready condition at an end; while it stands or is under way it is Unknown, as for a rollout."""
_canaries: Recent[str, tuple[Object, Canary | None]] = Recent(4000)
"""What was read of a Canary, by uid: a journey looks every second at the same ones, which are shared until they change."""


class TrainRef(BaseModel):
    """Which Train."""

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.name}.{self.namespace}"


@dataclass(frozen=True, slots=True)
class Looked:
    """What there is to decide by.

    Attributes:
        train: with its journal.
        others: all Trains that can be read.
        canaries: of its services, those that there are.
        now: seconds since the epoch.
        own_namespace_only: this installation lets no object name one of another namespace.
    """

    train: Train
    others: tuple[Train, ...]
    canaries: dict[Service, Canary]
    now: float
    own_namespace_only: bool = False


@asynccontextmanager
async def claimed(ref: TrainRef, run: str) -> AsyncIterator[Lease]:
    """Wait until nobody else carries this Train, then hold its Lease for as long as the block lasts."""
    lease = lease_for(connections(), ref, run)
    async with owning(lease):
        yield lease


def lease_for(wired: Connections, ref: TrainRef, run: str) -> Lease:
    """Its Lease, for one that wants to hold it; it does not yet."""
    name = f"sluice-train-{ref.name}"
    return Lease(wired.cluster, wired.informers, wired.lease, wired.workers, name, ref.namespace, run)


async def looked(ref: TrainRef, *, fresh: bool = False) -> Looked | None:
    """What there is now, by the shared watches; None where the Train is gone.

    Args:
        ref: which one.
        fresh: read the Train by the API server's word of now: what somebody asks for may not be here yet.

    Raises:
        TransientError: the cluster does not answer.
        InvalidError: the manifest is not valid.
    """
    wired = connections()
    found = None if fresh else await wired.informers.find(TRAIN, ref.name, ref.namespace)
    if found is None:
        found = await wired.cluster.find(TRAIN, ref.name, ref.namespace)
        if found is None:
            return None
        wired.informers.learn(TRAIN, found)
    train = Train.parse(found)
    wanted = {*services(train), *((ride.namespace, ride.canary) for ride in train.status.rides)}
    canaries: dict[Service, Canary] = {}
    for namespace, name in wanted:
        item = await wired.informers.find(CANARY, name, namespace)
        canary = _canary(item) if item else None
        if canary is not None:
            canaries[namespace, name] = canary
    others = tuple(Train.valid(await wired.informers.list(TRAIN)))
    return Looked(train, others, canaries, time.time(), wired.tenants.own_namespace_only)


def _canary(item: Object) -> Canary | None:
    uid = str(item["metadata"].get("uid"))
    known = _canaries.get(uid)
    if known is None or known[0] is not item:
        try:
            known = item, Canary.parse(item)
        except InvalidError:  # its own run says so; until it is mended it is as if it were not there
            known = item, None
        _canaries[uid] = known
    return known[1]


async def write(train: Train, status: TrainStatus) -> None:
    """Write the journal, if nobody wrote it since the look, and the right to act is still ours.

    Raises:
        LostError: it is not.
        StaleError: somebody did.
    """
    now = datetime.fromtimestamp(time.time(), UTC)
    status = status.model_copy(update={"conditions": with_condition(status.conditions, _ready(train, status), now)})
    wired, fenced = _fenced(train)
    body = {"metadata": fenced, "status": status.model_dump(by_alias=True, mode="json")}
    with _told_apart(train):
        item = await wired.cluster.patch(TRAIN, train.name, train.namespace, body, subresource="status")
    wired.informers.learn(TRAIN, item)


async def write_finalizers(train: Train, finalizers: tuple[str, ...]) -> None:
    """Write which finalizers it has, fenced as the journal is."""
    wired, fenced = _fenced(train)
    change = {"metadata": {**fenced, "finalizers": list(finalizers)}}
    with _told_apart(train):
        item = await wired.cluster.patch(TRAIN, train.name, train.namespace, change)
    wired.informers.learn(TRAIN, item)


def _fenced(train: Train) -> tuple[Connections, Object]:
    """What to write by, and the fence of what was looked at.

    Raises:
        LostError: the right to act cannot be proven now.
    """
    current_lease().check()
    return connections(), {"resourceVersion": train.metadata.resource_version}


@contextmanager
def _told_apart(train: Train) -> Iterator[None]:
    """A write that somebody else was faster than is decided once more."""
    try:
        yield
    except ConflictError as error:
        raise StaleError(f"{train} was changed meanwhile") from error


def _ready(train: Train, status: TrainStatus) -> Condition:
    over = FINE.get(status.phase, "Unknown")
    if status.phase is TrainPhase.ARRIVED and any(ride.state is not CarState.PROMOTED for ride in status.rides):
        over = "False"
    if status.message.startswith("does not depart"):
        over = "False"
    return Condition(
        type=READY,
        status=over,
        reason=str(status.phase) or "Waiting",
        message=status.message,
        observed_generation=train.metadata.generation,
    )
