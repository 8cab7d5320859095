"""Which Canaries without a run get one: those that were left at once, those never begun after their event had its time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sluice.events.model import TargetChanged
from tasks.upkeep import find_orphans as looking
from tasks.upkeep.find_orphans import TIME_TO_BEGIN, Wanting, _due, find_orphans
from tests.connected import connected
from tests.memory_cluster import MemoryCluster
from tests.samples import canary, canary_manifest, deployment

CHANGED = 1000.0


def test_a_rollout_that_was_left_goes_on_at_once() -> None:
    """Users may be on a revision that nobody judges."""
    left = Wanting(canary(status={"phase": "Progressing"}), deployment(), CHANGED)
    assert _due([left], CHANGED) == [left]


def test_what_was_never_begun_is_left_to_its_event_for_a_while() -> None:
    """In a burst its event waits for its turn: starting it here as well would only make the burst longer."""
    new = Wanting(canary(), deployment(), CHANGED)
    assert _due([new], CHANGED + TIME_TO_BEGIN - 1) == []


def test_a_worker_that_looks_for_the_first_time_does_not_wait_anew() -> None:
    """Each that took a killed one's place is such a worker; the change is as old for it as for the other."""
    new = Wanting(canary(), deployment(), CHANGED)
    assert _due([new], CHANGED + TIME_TO_BEGIN) == [new]


RELEASE = {"phase": "Progressing", "lastAppliedSpec": "on its way", "lastPromotedSpec": "old"}


def found(monkeypatch: pytest.MonkeyPatch, *objects: dict[str, Any]) -> list[TargetChanged]:
    """What is found in a cluster with these objects, where Prefect knows of no run."""

    async def none(flow: str) -> list[Any]:
        return []

    async def it() -> list[TargetChanged]:
        cluster = MemoryCluster()
        cluster.add(*objects)
        async with connected(cluster, "worker", router=None, metrics=None, gates=None):
            return await find_orphans.fn()

    monkeypatch.setattr(looking, "active_runs", none)
    return asyncio.run(it())


@pytest.mark.parametrize(
    "spec", [{"analysis": {"stepWeights": [60, 10]}}, {"targetRef": {"kind": "CronJob"}}], ids=["invalid", "kind"]
)
def test_a_release_whose_canary_became_invalid_gets_a_run_that_brings_it_home(
    monkeypatch: pytest.MonkeyPatch, spec: dict[str, Any]
) -> None:
    """Its worker may be gone as well; at rest there is nothing to be started for it."""
    begun = {"targetRef": {"kind": "Deployment", "name": "shop"}, "service": {"name": "shop", "port": 80}}
    assert len(found(monkeypatch, canary_manifest(spec, {**RELEASE, "begunWith": begun}), deployment())) == 1
    assert found(monkeypatch, canary_manifest(spec, {**RELEASE, "phase": "Failed"}), deployment()) == []


def test_so_does_one_whose_target_was_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its traffic may be on the way to pods that are no more."""
    (event,) = found(monkeypatch, canary_manifest(status=RELEASE))
    assert event.revision == "on its way"
    assert found(monkeypatch, canary_manifest(status={**RELEASE, "phase": "Succeeded"})) == []


def test_a_suspended_canary_that_was_not_initialised_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each minute one that ends at once would bury the others."""
    assert found(monkeypatch, canary_manifest({"suspend": True}, {"phase": "Initializing"}), deployment()) == []
