"""An act that the next look does not show is a fault, and no loop."""

from __future__ import annotations

import pytest

from sluice.errors import TerminalError
from sluice.rollout.decision import Action, Decision
from sluice.rollout.safety.effects import MOST, Effects
from sluice.rollout.strategies.base import Traffic

SHIFT = Decision(Action.SHIFT, step=1, traffic=Traffic(30))


def done(effects: Effects, decision: Decision, *seen: object) -> None:
    for one in seen:
        effects.check(decision, one)
        effects.done(decision, one)


def test_what_has_come_to_nothing_three_times_is_not_done_once_more() -> None:
    """The message says what to look for."""
    effects = Effects()
    done(effects, SHIFT, *["10 %"] * MOST)
    with pytest.raises(
        TerminalError, match="shift traffic to 30 % of the traffic was done 3 times and changed nothing"
    ):
        effects.check(SHIFT, "10 %")


def test_the_way_home_is_tried_again_each_time_that_it_is_decided_on_again() -> None:
    """Once between two refusals: there is a wait in between."""
    effects, home = Effects(), Decision(Action.ROLL_BACK)
    done(effects, home, *["30 %"] * MOST)
    for _ in range(3):
        with pytest.raises(TerminalError):
            effects.check(home, "30 %")
        done(effects, home, "30 %")


@pytest.mark.parametrize("seen", [["10 %", "10 %", "20 %", "20 %", "10 %"], list(range(10))])
def test_an_act_that_changes_something_may_be_repeated(seen: list[object]) -> None:
    """A route that follows slowly, pods that come and go."""
    done(Effects(), SHIFT, *seen)


@pytest.mark.parametrize("action", [Action.ANALYSE, Action.ASK_GATE, Action.WAIT])
def test_what_only_waits_may_take_its_time(action: Action) -> None:
    """It changes nothing by itself."""
    done(Effects(), Decision(action), *["as before"] * 10)
