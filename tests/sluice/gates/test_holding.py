"""What holds a release by the clock, and what a window does to one that is under way when it closes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.gates.holding import Holding, holding
from sluice.gates.windows.state import WindowState, window_state
from sluice.manifests.flagger.phase import Phase
from sluice.manifests.own.freeze import Freeze
from sluice.manifests.own.gate import Gate
from tests.gates import gate_object
from tests.samples import NAMESPACE, canary

OFFICE = {"name": "office-hours", "weekdays": ["Mon-Fri"], "from": "09:00", "to": "17:00"}
NIGHT, DAY = datetime(2026, 11, 30, 20, tzinfo=UTC), datetime(2026, 11, 30, 12, tzinfo=UTC)
KEY = f"{NAMESPACE}/hours"


def state_of(gate: Gate, now: datetime) -> WindowState:
    assert gate.spec.window
    return window_state(gate.spec.window, now)


def at(now: datetime, on_close: str = "hold", step: int = -1, let_be: str = "", **gate: Any) -> Holding:
    """What holds a release, of which users have met a step."""
    window = {"allow": [OFFICE], "onClose": on_close}
    one = Gate.parse(gate_object("hours", window=window, **gate))
    released = canary(status={"phase": Phase.PROGRESSING, "step": step})
    return holding(
        [one], [], released, now, home="sluice", cluster="",
        let_be=lambda key: "alice" if key == let_be else "", state_of=state_of,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("on_close", "step", "held", "home"),
    [
        ("finish", -1, True, False),
        ("hold", -1, True, False),
        ("goHome", -1, True, False),
        ("finish", 1, False, False),
        ("hold", 1, True, False),
        ("goHome", 1, False, True),
    ],
)
def test_a_closed_window_holds_what_nobody_has_met_and_does_with_the_rest_as_it_says(
    on_close: str, step: int, held: bool, home: bool
) -> None:
    """It goes on, stays where it is, or goes home."""
    found = at(NIGHT, on_close, step)
    assert (bool(found.held), bool(found.home)) == (held, home)
    assert found.until == datetime(2026, 12, 1, 9, tzinfo=UTC)


def test_people_read_which_window_it_is() -> None:
    """And when it opens."""
    assert at(NIGHT).held == f"window {KEY} is closed until Tue 09:00 UTC: outside office-hours"


def test_when_an_open_window_closes_is_known_before() -> None:
    """So that it holds on time."""
    assert at(DAY) == Holding(until=datetime(2026, 11, 30, 17, tzinfo=UTC))


@pytest.mark.parametrize("on_close", ["hold", "goHome"])
def test_a_window_that_somebody_has_let_be_holds_nothing(on_close: str) -> None:
    """For the revision that it was let be for."""
    assert at(NIGHT, on_close, 1, let_be=KEY).by == ()


def test_a_window_for_the_promotion_alone_holds_no_steps() -> None:
    """It is asked at its point."""
    assert at(NIGHT, step=1, at=("confirm-promotion",)) == Holding()


def test_what_a_release_is_held_by_stays_the_same_however_the_sentence_is_put() -> None:
    """A wait of a month is one wait."""
    freeze = Freeze.parse({"metadata": {"name": "f", "namespace": NAMESPACE}, "spec": {"until": "2027-01-04T08:00"}})

    def now(day: int) -> Holding:
        moment = datetime(2026, 12, day, tzinfo=UTC)
        return holding(
            [], [freeze], canary(), moment, home="", cluster="", let_be=lambda key: "", state_of=state_of
        )  # fmt: skip

    assert now(1).by == now(31).by == (freeze.key,)
    assert now(1).held != now(31).held
