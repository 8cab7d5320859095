"""Gates as objects of the cluster, and what people ask of a release by records: how a release waits for them, and hears."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.gates.kinds.base import Asked, GateAnswer
from blocks.kubernetes.informers import Informers
from blocks.kubernetes.kinds import GATE as GATE_KIND
from sluice.errors import TransientError
from sluice.gates.points import POINTS
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.strategies.base import Traffic
from tasks.gates.heard import heard
from tasks.rollout.analyse import analyse
from tasks.rollout.ask_gate import ask_gate
from tasks.scene.rollout_ref import Scene
from tests.gates import gate_object, record_object
from tests.samples import NAME, NAMESPACE
from tests.samples import gate as webhook
from tests.tasks.conftest import Stage, parts, staged
from tests.tasks.steps import judged

GATE = f"{NAMESPACE}/four-eyes"
POINT = "confirm-promotion"


def waiting(point: str = "confirm-rollout", **gate: Any) -> Stage:
    """A release at a closed Gate."""
    stage = staged(weight=0, step=-1, phase=Phase.PROGRESSING)
    stage.cluster.add(gate_object(at=(point,), **gate))
    return stage


def says(stage: Stage, act: str, **spec: Any) -> None:
    """Somebody asks for something of this release."""
    stage.cluster.add(record_object(act, revision=stage.ref.revision, **spec))


def test_a_closed_gate_is_waited_for_and_named(play: Any) -> None:
    """In the Canary's condition, and in the journal with the time since when."""
    stage = waiting()
    result = play(stage, ask_gate, point=POINTS["confirm-rollout"])
    assert result.closed.waits
    assert str(result.closed) == "confirm-rollout: four-eyes: waits for approval by anybody"
    assert stage.status["phase"] == Phase.WAITING
    assert [(one["gate"], one["open"]) for one in stage.status["gates"]] == [(GATE, False)]


@pytest.mark.parametrize(
    ("point", "hook"),
    [("confirm-rollout", False), ("pre-rollout", False), ("confirm-rollout", True), ("pre-rollout", True)],
)
def test_an_approval_is_heard_at_once(play: Any, point: str, hook: bool) -> None:
    """By the watch, and not at the next question, which may be an hour away; also next to a webhook that is open."""
    stage = waiting(point)
    if hook:
        stage.change("Canary", NAME, {"spec": {"analysis": {"interval": "1h", "webhooks": [webhook(point)]}}})
    play(stage, ask_gate, point=POINTS[point])
    heard: list[float] = []

    async def later() -> None:
        await asyncio.sleep(3)
        says(stage, "approve", gate=GATE)
        heard.append(asyncio.get_running_loop().time())

    class Approving:
        """The stage, next to somebody who approves."""

        @staticmethod
        async def fn(*args: Any) -> Any:
            soon = asyncio.create_task(later())
            result = await ask_gate.fn(*args)
            await soon
            assert asyncio.get_running_loop().time() - heard[0] < 0.1
            return result

    result = play(stage, Approving, point=POINTS[point], another_interval=True)
    assert result.opened == point
    assert stage.status["gates"][0]["open"]


def test_a_gate_that_refuses_ends_the_release(play: Any) -> None:
    """With who did and why."""
    stage = waiting()
    says(stage, "reject", gate=GATE, by="bob", reason="no tests")
    result = play(stage, ask_gate, point=POINTS["confirm-rollout"])
    assert result.fault == "gate four-eyes refused: rejected by bob: no tests"


def test_a_gate_is_let_be_for_one_revision(play: Any) -> None:
    """Whatever it says itself."""
    stage = waiting(approval={"people": ["nobody"]})
    says(stage, "override", gate=GATE, by="bob", reason="outage")
    assert play(stage, ask_gate, point=POINTS["confirm-rollout"]).opened == "confirm-rollout"


def test_a_gate_of_a_service_is_asked_as_a_webhook_is(play: Any) -> None:
    """By the same connections, and closed until it opens."""
    stage = waiting(webhook={"url": "https://ask.example"})
    stage.gates.closed = {"confirm-rollout"}
    assert "said so" in play(stage, ask_gate, point=POINTS["confirm-rollout"]).closed.said
    stage.gates.closed = set()
    assert play(stage, ask_gate, point=POINTS["confirm-rollout"]).opened == "confirm-rollout"


def test_what_a_gate_does_is_in_the_journal_before_it_is_done(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies between the two leaves the intent, and the one that goes on gives it to the Gate."""
    stage, seen = waiting(), []

    class Launching:
        """Starts something."""

        async def ask(self, asked: Asked) -> GateAnswer:
            return GateAnswer(False, "starts", keep={"intent": 1}, acts=not asked.state.kept.get("id"))

        async def act(self, asked: Asked) -> GateAnswer:
            seen.append((dict(asked.state.kept), stage.status["gates"][0]["kept"]))
            return GateAnswer(False, "runs", keep={"intent": 1, "id": "7"})

    monkeypatch.setattr("tests.tasks.conftest.parts", lambda one: {**parts(one), "gate_kinds": Launching()})
    play(stage, ask_gate, point=POINTS["confirm-rollout"])
    assert seen == [({"intent": 1}, {"intent": 1})]
    assert stage.status["gates"][0]["kept"] == {"intent": 1, "id": "7"}
    assert stage.status["gates"][0]["said"] == "runs"


@pytest.mark.parametrize("act", ["pause", "abort", "promote"])
def test_what_people_ask_for_cuts_a_step_short(play: Any, act: str) -> None:
    """So that the release decides again at once."""
    stage = judged({"analysis": {"interval": "1h"}})

    async def later() -> None:
        await asyncio.sleep(3)
        says(stage, act)

    class Judging:
        """The stage, next to somebody who asks for something."""

        @staticmethod
        async def fn(*args: Any) -> Any:
            soon = asyncio.create_task(later())
            result = await analyse.fn(*args)
            await soon
            return result

    result = play(stage, Judging, step=1, traffic=Traffic(30))
    assert result.step.judgement.reason == "a Gate or a person has something else to say"


def test_what_cannot_be_read_holds_a_release_and_keeps_none_from_an_abort(
    play: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A right that was not given yet stops the way forward alone."""
    stage = waiting()
    says(stage, "abort", reason="wrong database")
    listed = Informers.list

    async def refused(self: Any, kind: Any, *args: Any, **more: Any) -> Any:
        if kind is GATE_KIND:
            raise TransientError("the cluster has not listed its gates")
        return await listed(self, kind, *args, **more)

    monkeypatch.setattr(Informers, "list", refused)

    class Hearing:
        """What is heard."""

        @staticmethod
        async def fn(ref: Any, _decision: Any) -> Any:
            scene = await Scene.of(ref)
            return await heard(scene.wired, scene.canary, ref.revision)

    found = play(stage, Hearing)
    assert found.aborted == "aborted by alice: wrong database"
    assert "cannot be read, so nothing goes forward" in found.held
