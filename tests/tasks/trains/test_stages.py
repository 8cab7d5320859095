"""What stands beside a journey: trains that nobody carries are found, and one whose run a person cancels is recalled."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.connections import Connections
from blocks.leases.lease import acting_under
from sluice.errors import ForbiddenError
from sluice.manifests.own.train import Train, TrainPhase
from tasks.trains.act import to_call_back
from tasks.trains.find_due import find_due_trains
from tasks.trains.recall import recall
from tasks.trains.scene import TrainRef, claimed, lease_for, looked
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.trains_samples import PLATFORM, TEAM, Object, car_manifest, train_manifest

REF = TrainRef(namespace=PLATFORM, name="monday")
PARTS: dict[str, Any] = {"router": None, "metrics": None, "gates": None}
SEEN = {"observedGeneration": 1, "phase": "Waiting", "knownSince": 1.0}


def ride(name: str, state: str, **said: Any) -> Object:
    known = {"canary": name, "namespace": TEAM, "revision": f"{name}-1.1.0", "before": f"{name}-1.0.0"}
    return {"name": name, "state": state, "version": "1.1.0", **known, **said}


def running(*rides: Object, phase: str = "Running") -> Object:
    return train_manifest(status=SEEN | {"phase": phase, "departed": 5.0, "rides": list(rides)})


class Forbidding(MemoryCluster):
    """Roles of an installation from before trains."""

    async def list(self, *_: Any, **__: Any) -> Any:
        raise ForbiddenError("trains.sluice.dev is forbidden")


@pytest.fixture
async def wired() -> AsyncIterator[Connections]:
    async with connected(MemoryCluster(), **PARTS) as found:
        yield found


def put(wired: Connections, *items: Object) -> None:
    memory: Any = wired.cluster
    memory.add(*items)


async def test_a_train_that_is_due_and_that_nobody_carries_is_started(wired: Connections) -> None:
    """One under way too, whose run is gone; with the same event for as long as it is the same thing."""
    put(wired, running(ride("db", "Riding")))
    (event,) = await find_due_trains.fn()
    assert (event.namespace, event.train) == (PLATFORM, "monday")
    (again,) = await find_due_trains.fn()
    assert again.id == event.id


async def test_one_that_is_carried_or_has_nothing_to_do_is_left_alone(wired: Connections) -> None:
    """Its Lease says so."""
    put(wired, running(ride("db", "Riding")))
    async with connected(wired.cluster, "another", **PARTS) as other:  # type: ignore[arg-type]
        lease = lease_for(other, REF, "run-1")
        assert await lease.try_claim()
        async with connected(wired.cluster, "me", **PARTS):  # type: ignore[arg-type]
            assert await find_due_trains.fn() == []
    put(wired, train_manifest(status=SEEN))
    async with connected(wired.cluster, "me again", **PARTS):  # type: ignore[arg-type]
        assert await find_due_trains.fn() == []


async def test_without_the_right_to_see_trains_all_else_goes_on() -> None:
    """As in an installation whose roles are older than trains."""
    async with connected(Forbidding(), **PARTS):
        assert await find_due_trains.fn() == []


async def test_a_run_that_a_person_cancels_brings_all_home(wired: Connections) -> None:
    """The journal says so before the run is gone; whichever run comes next goes by it."""
    put(wired, running(ride("db", "Ready"), ride("mail", "Riding")), car_manifest("db"), car_manifest("mail"))
    async with claimed(REF, "run-1") as lease:
        with acting_under(lease):
            assert await recall.fn(REF, "its run was cancelled by a person")
            now = await looked(REF, fresh=True)
            assert now is not None
            assert now.train.status.phase is TrainPhase.RETURNING
            assert "cancelled by a person" in now.train.status.reason
            assert not await recall.fn(REF, "once more")


async def test_one_that_stands_is_not_recalled(wired: Connections) -> None:
    """There is nobody to bring home."""
    put(wired, train_manifest(status=SEEN))
    async with claimed(REF, "run-1") as lease:
        with acting_under(lease):
            assert not await recall.fn(REF, "its run was cancelled by a person")


async def test_only_what_is_promoted_and_goes_home_is_called_back(wired: Connections) -> None:
    """Its rollout is at rest; all others have one that hears its train."""
    promoted = car_manifest("db", "Succeeded", lastPromotedSpec="db-1.1.0")
    rides = [ride("db", "Homeward"), ride("mail", "Homeward"), ride("api", "Promoted")]
    put(wired, running(*rides, phase="Returning"), promoted, car_manifest("mail", "Progressing"))
    now = await looked(REF, fresh=True)
    assert now is not None
    (event,) = to_call_back(now)
    assert (event.namespace, event.canary, event.revision) == (TEAM, "db", "db-1.1.0")


def test_a_status_from_another_version_of_sluice_is_read() -> None:
    """Fields that nobody knows are kept."""
    found = Train.parse(train_manifest(status=SEEN | {"comesLater": {"a": 1}}))
    assert found.status.phase is TrainPhase.WAITING
