"""A release that waits for a suite: the intent is in the Canary's status before the Job is made, and one Job is made."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from sluice.gates.points import POINTS
from sluice.gates.suite import Outcome
from sluice.manifests.flagger.phase import Phase
from tasks.rollout.ask_gate import ask_gate
from tests.blocks.suites.worlds import JobWorld
from tests.tasks.conftest import Stage, parts, staged

POINT = POINTS["confirm-rollout"]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> tuple[Stage, JobWorld]:
    """A release at a Gate whose suite is a Job."""
    stage = staged(weight=0, step=-1, phase=Phase.PROGRESSING)
    world = JobWorld(cluster=stage.cluster)
    stage.cluster.add(world.gate() | {"spec": {"at": [POINT.type], "suite": {"job": {"cronJob": "e2e"}}}})
    cluster: Any = stage.cluster
    kinds = GateKinds(Ways(cluster=cluster, informers=cluster, http=world.http(), webhooks=cluster))
    monkeypatch.setattr("tests.tasks.conftest.parts", lambda one: {**parts(one), "gate_kinds": kinds})
    return stage, world


def test_one_job_is_made_and_its_end_opens_the_gate(play: Any, waiting: tuple[Stage, JobWorld]) -> None:
    """The intent is written first."""
    stage, world = waiting
    intents: list[Any] = []

    def hook(when: str, verb: str, item: dict[str, Any]) -> None:
        if (when, verb, item["kind"]) == ("before", "create", "Job"):
            intents.append(stage.status["gates"][0]["kept"]["stage"])

    stage.cluster.hooks.append(hook)
    assert "the suite runs" in play(stage, ask_gate, point=POINT).closed.said
    world.state = Outcome.PASSED
    world.settle()
    assert play(stage, ask_gate, point=POINT, another_interval=True).opened == POINT.type
    assert len(world.starts) == 1
    assert intents == ["intended"]
    trail = [item["spec"] for key, item in stage.cluster.objects.items() if key[0] == "AuditRecord"]
    assert [(one["act"], one["by"]) for one in trail] == [("suite-started", "sluice"), ("suite-ended", "sluice")]
    assert trail[1]["reason"].startswith("the suite passed")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_in_its_journal_leaves_one_job(
    play: Any, waiting: tuple[Stage, JobWorld], when: str
) -> None:
    """Whether the write was done or not."""
    stage, world = waiting
    stage.breaks("write status of", when, RuntimeError("dies"))
    with pytest.raises(RuntimeError, match="dies"):
        play(stage, ask_gate, point=POINT)
    play(stage, ask_gate, point=POINT)
    world.state = Outcome.FAILED
    world.settle()
    assert "ended with exit code 1" in play(stage, ask_gate, point=POINT, another_interval=True).fault
    assert len(world.starts) == 1
