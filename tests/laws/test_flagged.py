"""What holds of a kill switch whatever people do to the rollout's objects, at any moment around it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.flagged import FlaggedLife
from tests.laws.process import lived
from tests.laws.test_people import HABITS, HAPPENS, PAIRS

MOMENTS = [-1, 2]
MORE_MOMENTS = [-4, -2, 0, 1, 3, 4, 5, 7, 9, 12]
RELEASE = {1000: "push 1"}


@cache
def switched_at(provider: str, kind: str) -> int:
    """The moment at which the flag goes off in a release to which nothing happens."""
    life = lived(FlaggedLife(provider, kind, False, dict(RELEASE)))
    assert life.switched_at, "its flag did not go off"
    assert life.flags.turns == ["checkout off"]
    return life.switched_at


@pytest.mark.parametrize(
    ("provider", "kind"), [PAIRS[0], *(pytest.param(*one, marks=pytest.mark.soak) for one in PAIRS[1:])]
)
@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("moment", [*MOMENTS, *(pytest.param(one, marks=pytest.mark.soak) for one in MORE_MOMENTS)])
def test_one_habit_around_a_kill_switch(habit: str, moment: int, provider: str, kind: str) -> None:
    """So many moments before the flag goes off, or after."""
    lived(FlaggedLife(provider, kind, False, {**RELEASE, switched_at(provider, kind) + moment: habit}))


@pytest.mark.parametrize("cured", [True, False])
@given(
    st.dictionaries(st.integers(0, 40), HAPPENS, max_size=4),
    st.lists(st.sampled_from(["good", "good", "bad", "open", "closed"]), max_size=8),
)
def test_whatever_people_do_around_a_kill_switch(cured: bool, plan: dict[int, str], answers: list[str]) -> None:
    """Several of them, with crashes, absences and wishes in Prefect between them."""
    provider, kind = PAIRS[0]
    around = {switched_at(provider, kind) - 10 + moment: event for moment, event in plan.items()}
    lived(FlaggedLife(provider, kind, False, {**RELEASE, **around}, list(answers), cured=cured))
