"""Gates ask people in chat: one message for a question, changed as they answer, and none that holds a release up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from sluice.errors import NotFoundError, TransientError
from sluice.gates.answering.buttons import Seal
from sluice.gates.points import POINTS
from sluice.notices.message import Message
from tasks.people.close_questions import close_questions
from tasks.rollout.ask_gate import ask_gate
from tests.gates import gate_object, record_object
from tests.samples import NAMESPACE
from tests.tasks.conftest import Stage, parts, staged

GATE, POINT = f"{NAMESPACE}/four-eyes", POINTS["confirm-rollout"]


@dataclass
class Channel:
    """A chat that keeps what is in it; away, or without a message, where a test says so."""

    shown: dict[str, list[Message]] = field(default_factory=dict)
    away: int = 0
    silent: bool = False

    async def say(self, message: Message) -> str:
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            self.away -= 1
            raise TransientError("the chat is away")
        self.shown[f"C:{len(self.shown)}"] = [message]
        return f"C:{len(self.shown) - 1}"

    async def change(self, posted: str, message: Message) -> None:
        if posted not in self.shown:
            raise NotFoundError("somebody has deleted it")
        self.shown[posted].append(message)

    def lines(self) -> list[list[str]]:
        return [[f"{one.occasion}: {one.reason}" for one in said] for said in self.shown.values()]


@pytest.fixture
def channel(monkeypatch: pytest.MonkeyPatch) -> Channel:
    it, seal = Channel(), Seal("secret")
    nothing: Any = None

    def with_chat(stage: Stage) -> dict[str, Any]:
        ways = Ways(nothing, nothing, nothing, stage.gates, board=it, seal=seal)  # type: ignore[arg-type]
        return {**parts(stage), "gate_kinds": GateKinds(ways), "chat": it, "seal": seal}

    monkeypatch.setattr("tests.tasks.conftest.parts", with_chat)
    return it


def waiting(**approval: Any) -> Stage:
    stage = staged(weight=0, step=-1)
    stage.cluster.add(gate_object(at=(POINT.type,), approval=approval, message="look first"))
    return stage


def says(stage: Stage, act: str, by: str, **more: Any) -> None:
    stage.cluster.add(record_object(act, by=by, gate=GATE, revision=stage.ref.revision, **more))


def turns(play_often: Any, stage: Stage, *between: Any) -> list[Any]:
    """The stage, again after each thing that happens between, with time for the chat."""

    async def tries(one: Any) -> list[Any]:
        results = [await one(ask_gate, point=POINT)]
        await asyncio.sleep(0.02)
        for happens in between:
            happens()
            await asyncio.sleep(0.02)  # the watch
            results.append(await one(ask_gate, point=POINT))
            await asyncio.sleep(0.02)
        return results

    found: list[Any] = play_often(stage, tries)
    return found


def nothing() -> None:
    """Time passes."""


def test_people_are_asked_once_and_see_how_far_it_is(play_often: Any, channel: Channel) -> None:
    """One message, with buttons as long as it is open, and without once it is not; and no other message of the Gate."""
    stage = waiting(needed=2)
    results = turns(
        play_often, stage, nothing, lambda: says(stage, "approve", "alice"), lambda: says(stage, "approve", "bob")
    )
    assert channel.lines() == [
        [
            "gate waits: waits for approval by anybody: look first",
            "gate waits: 1 of 2 approvals (alice); waits for approval by anybody: look first",
            "gate is open: approved by alice, bob",
        ]
    ]
    (said,) = channel.shown.values()
    assert [len(one.choices) for one in said] == [2, 2, 0]
    assert said[0].facts["Who may"] == "anybody (2 of them)"
    assert [one.news for one in results] == [None] * 4
    assert results[-1].opened == POINT.type


def test_a_worker_that_takes_over_changes_the_same_message(play_often: Any, channel: Channel) -> None:
    """What the chat knows it by is in the journal."""
    stage = waiting()
    turns(play_often, stage, nothing)
    assert stage.status["gates"][0]["kept"]["message"] == "C:0"
    turns(play_often, stage, lambda: says(stage, "reject", "bob", reason="no tests"))
    assert channel.lines()[0][-1] == "gate has refused: rejected by bob: no tests"
    assert len(channel.shown) == 1


def test_what_is_approved_before_anybody_was_asked_needs_no_message(play_often: Any, channel: Channel) -> None:
    """As by a person who knew that it comes."""
    stage = waiting()
    says(stage, "approve", "alice")
    assert turns(play_often, stage)[0].opened == POINT.type
    assert channel.shown == {}


def test_a_message_that_somebody_deleted_is_posted_again_while_it_asks(play_often: Any, channel: Channel) -> None:
    """Else nobody could press anything."""
    stage = waiting(needed=2)

    def deleted() -> None:
        channel.shown["C:0"].clear()
        channel.shown["gone"] = channel.shown.pop("C:0")
        says(stage, "approve", "alice")

    turns(play_often, stage, nothing, deleted)
    assert [one for one in channel.lines() if one] == [
        ["gate waits: 1 of 2 approvals (alice); waits for approval by anybody: look first"]
    ]


def test_a_chat_that_does_not_answer_holds_nothing_up(play_often: Any, channel: Channel) -> None:
    """The Gate opens by another way."""
    channel.silent = True
    stage = waiting()
    assert turns(play_often, stage, lambda: says(stage, "approve", "alice"))[-1].opened == POINT.type


def test_a_chat_that_was_away_is_asked_again(play: Any, channel: Channel) -> None:
    """By a clock that moves while nothing is done: a second later."""
    channel.away = 2
    stage = waiting()

    class Waiting:
        """The stage, and some time."""

        @staticmethod
        async def fn(*args: Any) -> Any:
            result = await ask_gate.fn(*args)
            await asyncio.sleep(10)
            return result

    play(stage, Waiting, point=POINT)
    assert len(channel.shown) == 1


def test_at_the_end_of_the_release_its_questions_are_closed(play_often: Any, channel: Channel) -> None:
    """However it ended, nobody is asked any more."""
    stage = waiting()

    async def tries(one: Any) -> None:
        for _ in range(2):
            await one(ask_gate, point=POINT)
            await asyncio.sleep(0.02)
        assert await close_questions.fn(stage.ref, "superseded", "a newer revision came") == 1

    play_often(stage, tries)
    (said,) = channel.shown.values()
    assert str(said[-1].occasion) == "gate is not asked any more"
    assert (said[-1].reason, said[-1].choices) == ("superseded: a newer revision came", ())
