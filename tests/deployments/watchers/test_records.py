"""The watcher of records: somebody wants another try of a revision that was rolled back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.follow import News
from deployments.watchers.records import RecordWatcher, due, event_of
from sluice.errors import TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import AuditRecord
from tests.gates import record_object
from tests.memory_cluster import MemoryCluster
from tests.samples import canary_manifest


def failed(heard: int = 0, revision: str = "r1", phase: str = "Failed") -> dict[str, Any]:
    begun = {"version": "1", "targetRef": {"kind": "Deployment", "name": "shop"}, "heard": heard}
    return canary_manifest({}, {"phase": phase, "lastAppliedSpec": revision, "begunWith": begun})


def record(act: str = "retry", version: int = 7) -> dict[str, Any]:
    item = record_object(act, revision="r1", version="1.1.0")
    item["metadata"] |= {"resourceVersion": str(version), "uid": f"u-{version}"}
    return item


@pytest.mark.parametrize(
    ("canary", "calls"),
    [
        (failed(), True),
        (failed(heard=7), False),
        (failed(revision="r2"), False),
        (failed(phase="Progressing"), False),
        (failed(phase="Succeeded"), False),
    ],
)
def test_when_a_record_calls_for_another_try(canary: dict[str, Any], calls: bool) -> None:
    """Once: the try that it led to has it in its journal."""
    assert due(AuditRecord.parse(record()), Canary.parse(canary)) is calls


def test_another_try_is_announced_once_for_each_record_however_the_cluster_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cluster that is away for a moment loses none; what is no retry calls for nothing."""
    announced: list[Any] = []

    class Away(MemoryCluster):
        """Does not answer at first."""

        tries = 0

        async def list(self, *args: Any) -> Any:
            self.tries += 1
            if self.tries == 1:
                raise TransientError("away")
            return await super().list(*args)

    class Announcer:
        """Notes what is announced."""

        announce = announced.append

    async def it() -> None:
        cluster: Any = Away()
        cluster.add(failed())
        announcer: Any = Announcer()
        sut = RecordWatcher(cluster, announcer)
        sut.take(News([record(), record("pause", 8)]))
        sut.take(News([record(version=9)], gone=True))
        looking = asyncio.create_task(sut._look())
        while not announced:
            await asyncio.sleep(0.01)
        looking.cancel()

    monkeypatch.setattr("deployments.watchers.records.PAUSE", 0.01)
    asyncio.run(it())
    assert announced == [event_of(AuditRecord.parse(record()))]
    assert (announced[0].delivery, announced[0].revision, announced[0].version) == ("retry/u-7", "r1", "1.1.0")
