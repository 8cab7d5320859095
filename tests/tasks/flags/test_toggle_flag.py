"""toggle_flag: raised step by step, lowered on a FAIL, left to who else turns it; whatever breaks, at any write."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flows import toggle_flag as story
from flows.toggle_flag import toggle_flag
from sluice.errors import TransientError
from sluice.flags.flag import OFF, Turn, Wish
from sluice.flags.raising import Judged
from sluice.judge.verdict import Verdict
from sluice.manifests.own.flag_rollout import OVER, RaisePhase
from tests.tasks.flags.ground import FLAG, NAME, TEAM, Ground, ground

LIVES = 250
ALL_HAVE_IT = ["Finishing: 100 % of users have it", "Succeeded: everybody has it"]
HANDS = (
    Wish(turn=Turn.SHARE, share=33.0),
    Wish(turn=Turn.ON),
    OFF,
)


class CrashError(BaseException):
    """The process dies here."""


class Judge:
    """Says what a test wants of each step; by default that it passed."""

    def __init__(self, *said: Judged) -> None:
        self.said, self.shares = list(said), list[float]()

    async def __call__(self, ref: Any, now: Any, decision: Any) -> Judged:
        self.shares.append(decision.status.share)
        return self.said.pop(0) if self.said else Judged(verdict=Verdict.PASS, reason="fine", judged="split by variant")


@pytest.fixture(autouse=True)
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("look_at_flag", "act_on_flag", "announce_flag", "say_trouble", "closed_before"):
        monkeypatch.setattr(story, name, getattr(story, name).fn)
    monkeypatch.setattr(story, "PAUSE", 0.0)
    monkeypatch.setattr(story, "GATE_PAUSE", 0.0)

    class Log:
        def info(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(story, "get_run_logger", Log)


async def run(made: Ground, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(story, "judge_flag", judge)
    async with made.wired():
        return await toggle_flag.fn(TEAM, NAME)


async def test_a_flag_is_raised_step_by_step_and_is_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each share is judged before the next one, and nothing of sluice's stays in the flag."""
    made, judge = ground(), Judge()
    state = await run(made, judge, monkeypatch)
    assert made.service.turned == ["10 %", "50 %", "on"]
    assert judge.shares == [10.0, 50.0]
    assert state.name == "Succeeded"
    flag = made.service.flags_by_key[FLAG]
    assert (flag.enabled, flag.rollouts) == (True, ())
    status = made.rollout.status
    assert (status.phase, status.judged) == (RaisePhase.SUCCEEDED, "split by variant")
    assert [one.status for one in status.conditions if one.type == "Ready"] == ["True"]
    assert [one.occasion for one in made.chat.said] == ["flag is on for everybody"]
    assert made.events == ["Progressing: 10 % of users have it", "Progressing: 50 % of users have it", *ALL_HAVE_IT]


async def test_a_failed_step_gives_the_flag_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the share that it had before the rollout, and people read why."""
    made = ground()
    made.service.has(FLAG, rollouts=({"value": True, "percentage": 5.0},))
    bad = Judged(verdict=Verdict.FAIL, reason="orders 60 %", fatal=True, judged="split by variant")
    state = await run(made, Judge(Judged(verdict=Verdict.PASS), bad), monkeypatch)
    assert made.service.turned == ["10 %", "50 %", "5 %"]
    assert (state.name, made.share) == ("Failed", 5.0)
    assert "orders 60 %" in made.rollout.status.message
    assert made.chat.said[0].occasion == "flag went back"
    assert [one.partition(":")[0] for one in made.events[-2:]] == ["Lowering", "Failed"]


async def test_failed_checks_add_up_to_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of two is a step that is judged once more; the second one ends it."""
    made = ground()
    check = Judged(verdict=Verdict.FAIL, reason="98 %")
    judge = Judge(check, Judged(verdict=Verdict.PASS), check)
    state = await run(made, judge, monkeypatch)
    assert judge.shares == [10.0, 10.0, 50.0]
    assert (state.name, made.service.turned) == ("Failed", ["10 %", "50 %", "0 %"])


async def test_a_closed_gate_before_everybody_keeps_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step is judged for another interval for as long as it is closed."""
    made = ground()
    waits = Judged(verdict=Verdict.PASS, closed="gate approve: not yet")
    judge = Judge(Judged(verdict=Verdict.PASS), waits, waits)
    await run(made, judge, monkeypatch)
    assert judge.shares == [10.0, 50.0, 50.0, 50.0]
    assert made.service.turned == ["10 %", "50 %", "on"]


async def test_a_flag_that_is_switched_off_or_gone_is_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody wanted that."""
    made = ground()
    made.service.has(
        FLAG,
        rollouts=(
            {"value": False, "percentage": 100.0, "description": "sluice: off for everybody"},
            {"value": True, "percentage": 5.0},
        ),
    )
    assert (await run(made, Judge(), monkeypatch)).name == "Stopped"
    made = ground()
    del made.service.flags_by_key[FLAG]
    state = await run(made, Judge(), monkeypatch)
    assert "has no flag basket" in state.message
    assert made.service.turned == []


async def test_a_changed_manifest_begins_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was over is due once more with a new generation, and not before."""
    made = ground()
    fail = Judged(verdict=Verdict.FAIL, reason="bad", fatal=True)
    await run(made, Judge(fail), monkeypatch)
    assert (await run(made, Judge(), monkeypatch)).name == "Failed"
    item = made.cluster.objects[("FlagRollout", TEAM, NAME)]
    item["metadata"]["generation"] = 2
    assert (await run(made, Judge(), monkeypatch)).name == "Succeeded"


async def test_a_suspended_one_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither raises nor lowers."""
    made = ground(suspend=True)
    assert (await run(made, Judge(), monkeypatch)).name == "Suspended"
    assert made.service.turned == []


class Life:
    """One life of a FlagRollout: processes die at writes, the service is away, and a person may turn the flag."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made = ground()
        self.person_at = self.random.randint(1, 12) if self.random.random() < 0.5 else 0
        self.bad_at = self.random.choice([0, 1, 2])
        self.troubles = self.random.randint(0, 4)
        self.writes = 0
        self.by_person = ""
        self.passed = set[float]()
        self.made.service.hooks.append(self.trouble)
        self.made.cluster.hooks.append(lambda when, verb, item: item["kind"] == "FlagRollout" and self.trouble(when))

    def trouble(self, when: str) -> None:
        """What happens at a write: nothing, the end of the process, or no answer."""
        self.writes += 1
        if self.person_at and self.writes == self.person_at and not self.by_person:
            self.person()
        if self.troubles and self.random.random() < 0.3:
            self.troubles -= 1
            raise CrashError if self.random.random() < 0.6 else TransientError("no answer")

    def person(self) -> None:
        """Somebody turns the flag."""
        from sluice.flags.flipt.edits import after, edits

        before = self.made.service.flags_by_key[FLAG]
        wish = self.random.choice(HANDS)
        self.made.service.flags_by_key[FLAG] = now = after(before, edits(before, wish))
        if now.version != before.version:
            self.by_person = now.version

    async def judge(self, ref: Any, now: Any, decision: Any) -> Judged:
        share = decision.status.share
        assert self.by_person or share == self.made.share
        if self.bad_at and decision.status.step + 1 >= self.bad_at:
            return Judged(verdict=Verdict.FAIL, reason="bad", fatal=True)
        self.passed.add(share)
        return Judged(verdict=Verdict.PASS)

    async def live(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Processes until it is over."""
        monkeypatch.setattr(story, "judge_flag", self.judge)
        for process in range(40):
            try:
                async with self.made.wired(f"process-{process}"):
                    await toggle_flag.fn(TEAM, NAME)
            except (CrashError, TransientError):
                continue
            except BaseExceptionGroup as group:
                if group.subgroup((CrashError, TransientError)) is None:
                    raise
                continue
            return
        raise AssertionError("it never comes to an end")


@pytest.mark.parametrize("first", range(0, LIVES, 50))
async def test_the_laws_hold_in_every_life(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """No share before its step passed; a person's flag is never touched; it always comes to an end, and to the right one."""
    for seed in range(first, first + 50):
        life = Life(seed)
        await life.live(monkeypatch)
        status, flag = life.made.rollout.status, life.made.service.flags_by_key[FLAG]
        assert status.phase in OVER, seed
        turned = life.made.service.turned
        assert turned in (
            ["10 %", "50 %", "on"][: len(turned)],
            ["10 %", "0 %"],
            ["10 %", "50 %", "0 %"],
        ), (seed, turned)
        assert "50 %" not in turned or 10.0 in life.passed, seed
        assert "on" not in turned or 50.0 in life.passed, seed
        if life.by_person and status.phase is RaisePhase.STOPPED:
            assert flag.version == life.by_person, seed
        elif not life.by_person:
            assert status.phase is (RaisePhase.FAILED if life.bad_at else RaisePhase.SUCCEEDED), (seed, status)
            assert life.made.share == (0.0 if life.bad_at else 100.0), seed
