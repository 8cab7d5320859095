"""The journal's fence: nobody writes over what somebody else decided."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, EVENT
from blocks.kubernetes.rollouts.canaries import Canaries
from blocks.kubernetes.writer import Writer
from sluice.errors import ConflictError, InvalidError, NotFoundError
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, canary_manifest, deployment, merged


@pytest.fixture
def cluster() -> MemoryCluster:
    it = MemoryCluster()
    it.add(canary_manifest(None, {"phase": "Progressing"}), deployment(replicas=3))
    return it


@pytest.fixture
async def canaries(cluster: MemoryCluster) -> AsyncIterator[Canaries]:
    async with informed(cluster) as seen:  # type: ignore[arg-type]
        yield Canaries(Writer(seen.cluster, seen, lambda: None, "run/1"))


def change(cluster: MemoryCluster, part: dict[str, Any]) -> None:
    cluster.add(merged(cluster.now("Canary", NAME, NAMESPACE), part))


async def test_an_entry_decided_on_an_older_status_is_refused(cluster: MemoryCluster, canaries: Canaries) -> None:
    """Two actors that read the same journal cannot both write it."""
    read = await canaries.read(NAME, NAMESPACE)
    await canaries.write(read, {"status": {"phase": "Promoting"}})
    with pytest.raises(ConflictError):
        await canaries.write(read, {"status": {"phase": "Failed"}})
    assert cluster.now("Canary", NAME, NAMESPACE)["status"]["phase"] == "Promoting"


async def test_a_user_s_change_of_the_spec_is_no_other_actor(cluster: MemoryCluster, canaries: Canaries) -> None:
    """`kubectl edit` in the middle of a release makes nobody decide anew, and is not undone."""
    read = await canaries.read(NAME, NAMESPACE)
    change(cluster, {"spec": {"suspend": True}})
    written = await canaries.write(read, {"status": {"phase": "Promoting"}})
    assert (written.status.phase, written.spec.suspend) == ("Promoting", True)


async def test_scaling_to_what_is_there_writes_nothing(cluster: MemoryCluster, canaries: Canaries) -> None:
    """Idempotent: only a change is a write, and it changes nothing else."""
    read = await canaries.read(NAME, NAMESPACE)
    await canaries.scale(read, NAME, 3)
    assert cluster.acts == []
    await canaries.scale(read, NAME, 0)
    assert cluster.acts == ["patch Deployment shop with 0"]


async def test_the_reasons_of_an_older_revision_s_pods_are_not_this_one_s(
    cluster: MemoryCluster, canaries: Canaries
) -> None:
    """Pods that are still leaving do not explain why the new ones are not ready, nor do another workload's newer ones."""
    for key in [key for key in cluster.objects if key[0] == "Pod"]:
        del cluster.objects[key]
    for name, owner, of, at, reason in (
        ("old", NAME, "a", 1, "OldTrouble"),
        ("new", NAME, "b", 2, "NewTrouble"),
        ("other", "neighbour", "c", 3, "ItsOwnTrouble"),
    ):
        cluster.add(
            {
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "namespace": NAMESPACE,
                    "labels": {"app": NAME, "pod-template-hash": of},
                    "creationTimestamp": f"2024-01-01T00:00:0{at}Z",
                    "ownerReferences": [{"kind": "ReplicaSet", "name": f"{owner}-{of}", "controller": True}],
                },
                "status": {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": reason}}}]},
            }
        )
    said = await canaries.why_not_ready(await canaries.read(NAME, NAMESPACE), deployment())
    assert said == "pod new: c: NewTrouble"
    assert await cluster.list(EVENT, NAMESPACE) == []


async def test_what_is_not_there_and_what_is_not_valid_are_told_apart(
    cluster: MemoryCluster, canaries: Canaries
) -> None:
    """A missing Canary, a missing target, a Canary with a wrong field, no primary yet."""
    read = await canaries.read(NAME, NAMESPACE)
    assert await canaries.primary(read) is None
    await cluster.delete(CANARY, NAME, NAMESPACE)
    await settled()
    with pytest.raises(NotFoundError):
        await canaries.read(NAME, NAMESPACE)
    cluster.add(canary_manifest({"service": {"port": -1}}))
    await settled()
    with pytest.raises(InvalidError, match=r"spec\.service\.port"):
        await canaries.read(NAME, NAMESPACE)
    await canaries.target(read)
    await cluster.delete(DEPLOYMENT, NAME, NAMESPACE)
    await settled()
    with pytest.raises(NotFoundError):
        await canaries.target(read)


async def test_a_target_of_an_unknown_kind_is_an_invalid_canary(cluster: MemoryCluster, canaries: Canaries) -> None:
    """Before anything is looked for that cannot be there."""
    change(cluster, {"spec": {"targetRef": {"kind": "CronJob"}}})
    with pytest.raises(InvalidError, match=r"Canary shop-test/shop is not valid: spec\.targetRef\.kind is 'CronJob'"):
        await canaries.read(NAME, NAMESPACE)


async def settled() -> None:
    """Let the watches of a cluster in memory tell what they have."""
    for _ in range(10):
        await asyncio.sleep(0)
