"""A release that is held by a window or a freeze: it stays where it is, is judged, goes home, and goes on at once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from blocks.kubernetes.kinds import FREEZE, GATE
from sluice.rollout.decision import Outcome
from tests.flows.test_roll_out_night import NIGHT, Waiting, broken, night, pushed, under_way
from tests.gates import freeze_object, gate_object, record_object
from tests.samples import NAME, NAMESPACE
from tests.tasks.conftest import Stage

__all__ = ["night"]
FREEZE_KEY, WINDOW_KEY = f"{NAMESPACE}/year-end", f"{NAMESPACE}/hours"


def text(seconds: float) -> str:
    """A moment, so many seconds from now, to the minute."""
    return (datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M")


def frozen(**status: Any) -> Stage:
    """A release that is frozen until somebody thaws it."""
    stage = under_way(**status)
    stage.cluster.add(freeze_object(reason="year end"))
    return stage


def windowed(on_close: str = "hold", opens: float = 10 * NIGHT, **status: Any) -> Stage:
    """A release before a window that opens so many seconds from now."""
    stage = under_way(**status)
    allow = [{"name": "later", "from": text(opens), "to": text(opens + 10 * NIGHT)}]
    stage.cluster.add(gate_object("hours", window={"allow": allow, "onClose": on_close}))
    return stage


def nothing(waiting: Waiting) -> None:
    """The clock alone goes on."""


def thawed(waiting: Waiting) -> None:
    waiting.stage.cluster.vanish(FREEZE, "year-end", NAMESPACE)


def taken_away(waiting: Waiting) -> None:
    waiting.stage.cluster.vanish(GATE, "hours", NAMESPACE)


def asks(waiting: Waiting, act: str, **spec: Any) -> None:
    waiting.stage.cluster.add(record_object(act, revision=waiting.stage.ref.revision, **spec))


def let_be(waiting: Waiting) -> None:
    asks(waiting, "override", gate=FREEZE_KEY, by="alice", reason="a fix for the outage")


def window_let_be(waiting: Waiting) -> None:
    asks(waiting, "override", gate=WINDOW_KEY, by="alice", reason="a fix for the outage")


def aborted(waiting: Waiting) -> None:
    asks(waiting, "abort", reason="wrong")


def mended(waiting: Waiting) -> None:
    waiting.stage.cluster.add(freeze_object("year-end", suspend=True, timeZone="Europe/Berlin"))


BEFORE, AFTER = {"weight": 0, "step": -1}, {"weight": 30, "step": 0}


@pytest.mark.parametrize("users", [BEFORE, AFTER], ids=["before users", "with users"])
@pytest.mark.parametrize(
    ("then", "outcome", "within"),
    [
        pytest.param(thawed, Outcome.PROMOTED, 200, id="thawed"),
        pytest.param(let_be, Outcome.PROMOTED, 200, id="let be"),
        pytest.param(pushed, Outcome.SUPERSEDED, 10, id="a newer revision"),
        pytest.param(aborted, Outcome.ROLLED_BACK, 10, id="aborted"),
    ],
)
def test_a_frozen_release_stays_where_it_is_and_never_keeps_what_goes_home(
    night: Any, users: dict[str, Any], then: Any, outcome: Outcome, within: float
) -> None:
    """For a whole night, in a handful of tasks; then at once."""
    waiting = night(frozen(**users), then)
    before = [one for one in waiting.stages[: waiting.stages.index("morning")] if one != "notify"]
    assert before == ([] if users is BEFORE else ["scale up", "analyse"])
    assert (waiting.outcome, waiting.awake < within) == (outcome, True), waiting.awake


def test_users_of_a_frozen_release_are_protected(night: Any) -> None:
    """It is judged at every scrape, and goes home: a rollback is never frozen."""
    waiting = night(frozen(), broken)
    assert (waiting.outcome, waiting.awake < 1200) == (Outcome.ROLLED_BACK, True)


@pytest.mark.parametrize("users", [BEFORE, AFTER], ids=["before users", "with users"])
def test_a_window_that_opens_lets_a_release_go_on_at_once(night: Any, users: dict[str, Any]) -> None:
    """By the clock: nobody calls, and nothing is asked meanwhile."""
    waiting = night(windowed(opens=NIGHT + 300, **users), nothing)
    assert waiting.outcome is Outcome.PROMOTED
    assert 240 - 200 < waiting.awake < 300 + 200, "after it opened, and within the step that is left"


@pytest.mark.parametrize("then", [taken_away, window_let_be])
def test_a_window_that_is_let_be_or_taken_away_holds_nothing(night: Any, then: Any) -> None:
    """At once."""
    waiting = night(windowed(**BEFORE), then)
    assert (waiting.outcome, waiting.awake < 200) == (Outcome.PROMOTED, True)


@pytest.mark.parametrize(("on_close", "outcome"), [("finish", Outcome.PROMOTED), ("goHome", Outcome.ROLLED_BACK)])
def test_a_window_that_closes_under_way_does_what_it_says(night: Any, on_close: str, outcome: Outcome) -> None:
    """Of a release that users have met: it goes on to its end, or home with the window as its reason."""
    waiting = night(windowed(on_close), nothing)
    assert waiting.outcome is outcome
    if outcome is Outcome.ROLLED_BACK:
        assert f"window {WINDOW_KEY} is closed until" in waiting.stage.status["conditions"][0]["message"]


def test_a_release_that_is_promoted_is_promoted_to_its_end(night: Any) -> None:
    """Half of a promotion is worse than a late one."""
    stage = frozen(weight=100, phase="Promoting")
    waiting = night(stage, nothing)
    assert waiting.outcome is Outcome.PROMOTED


def test_a_freeze_that_nobody_can_read_holds_until_it_is_mended(night: Any) -> None:
    """The API server takes any text for a zone: a typing error lets nothing through, and the Canary says what to mend."""
    stage = under_way(**BEFORE)
    stage.cluster.add(freeze_object(timeZone="Europe/Berln"))
    said: list[str] = []

    def then(waiting: Waiting) -> None:
        said.append(waiting.stage.status["conditions"][0]["message"])
        mended(waiting)

    waiting = night(stage, then)
    assert waiting.outcome is Outcome.PROMOTED
    assert "did you mean Europe/Berlin?" in said[0]


def test_a_frozen_canary_says_so(night: Any) -> None:
    """Where people look first."""
    said: list[str] = []

    def then(waiting: Waiting) -> None:
        said.append(waiting.stage.status["conditions"][0]["message"])
        thawed(waiting)

    night(frozen(**BEFORE), then)
    assert f"frozen by Freeze {FREEZE_KEY}: year end" in said[0]
    assert NAME
