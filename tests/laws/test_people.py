"""What holds of a rollout whatever people do to its objects: the laws of `life.py`, at each write and at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.events import EVENTS
from tests.laws.life import Life
from tests.laws.people import PEOPLE
from tests.laws.process import lived
from tests.laws.world import PROVIDERS, SHAPES

HABITS = sorted(PEOPLE)
HAPPENS = st.sampled_from([*HABITS, *sorted(EVENTS)])
PLANS = st.dictionaries(st.integers(3, 160), HAPPENS, max_size=8)
ANSWERS = st.lists(
    st.sampled_from(["good", "good", "good", "bad", "open", "open", "closed", "heard", "deaf"]), max_size=20
)


PAIRS = SHAPES[:3]
AUTOSCALED = {one for one in HABITS if "load" in one or "autoscaler" in one}
MOMENTS = [-5, 0, 20, 50]
MORE_MOMENTS = [-20, -12, 5, 12, 28, 35, 42, 58, 65, 72, 80, 88, 95]


@pytest.mark.parametrize(("provider", "kind"), PAIRS)
@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("moment", [*MOMENTS, *(pytest.param(one, marks=pytest.mark.soak) for one in MORE_MOMENTS)])
def test_one_habit_at_one_moment(habit: str, moment: int, provider: str, kind: str) -> None:
    """Each habit by itself: so many moments into the initialisation (below 0), at rest (0), or so many into a release."""
    first = {-moment: habit} if moment < 0 else {}
    release = {1000 + moment if moment else 2000: habit} if moment >= 0 else {}
    autoscaled = kind == "Deployment" and habit in AUTOSCALED
    lived(Life(provider, kind, autoscaled, {**first, 1000: "push 1", **release}))


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("habit", ["autoscale the primary", "autoscale the primary down", "autoscale the target"])
@pytest.mark.parametrize("moment", range(32, 48))
def test_an_autoscaler_may_scale_at_any_moment_of_a_promotion(moment: int, habit: str, provider: str) -> None:
    """Between the look at the primary and the write that replaces it too: no write undoes what it gave."""
    lived(Life(provider, "Deployment", False, {1000: "push 1", 1000 + moment: habit}))


ONCE = {
    "taken over while somebody's Service is in the primary's place": (
        ("kubernetes", "DaemonSet"),
        {35: "push 1", 59: "put somebody's Service in the primary's place", 152: "steal the lease"},
    ),
    "stopped as its keeper is woken": (
        ("gatewayapi:v1", "Deployment"),
        {27: "upgrade the API server", 52: "turn the primary's Service elsewhere", 61: "cancel", 90: "leave"},
    ),
    "its Lease is deleted while the watch is late": (
        ("gatewayapi:v1", "Deployment"),
        {55: "be late", 58: "delete the lease"},
    ),
    "taken over while somebody's workload is in the primary's place": (
        ("kubernetes", "DaemonSet"),
        {13: "put somebody's workload in the primary's place", 73: "restart the target", 113: "steal the lease"},
    ),
    "suspended while a promotion is closed whose run is gone": (
        ("kubernetes", "DaemonSet"),
        {76: "restart the target", 115: "push broken", 117: "suspend"},
    ),
    "its primary's Service is turned to the target while somebody's workload is in the primary's place": (
        ("gatewayapi:v1", "Deployment"),
        {
            22: "put somebody's workload in the primary's place",
            83: "delete the target",
            128: "turn the primary's Service elsewhere",
        },
    ),
    "its primary's Service is turned to the target, and both workloads are deleted in a release": (
        ("gatewayapi:v1", "DaemonSet"),
        {
            44: "push broken",
            45: "turn the primary's Service elsewhere",
            46: "delete the primary",
            51: "delete the target",
        },
    ),
    "its primary is edited after the target was made again": (
        ("kubernetes", "DaemonSet"),
        {
            61: "restart the target",
            63: "make the target again",
            66: "edit the primary",
            69: "edit the Canary wrongly",
        },
    ),
    "its first primary is cancelled when users are led to it already": (
        ("kubernetes", "DaemonSet"),
        {10: "cancel", 90: "turn the apex Service elsewhere"},
    ),
    "its users are sent to a canary at rest whose Service leads to the primary": (
        ("gatewayapi:v1", "Deployment"),
        {
            41: "refuse",
            39: "change the port",
            42: "turn the canary's Service elsewhere",
            120: "route all to the canary",
        },
    ),
}
"""Lives that broke a law once, each with as little in it as did."""


@pytest.mark.parametrize("life", sorted(ONCE))
def test_a_life_that_broke_a_law_once(life: str) -> None:
    """Each was a mistake of sluice's."""
    (provider, kind), plan = ONCE[life]
    lived(Life(provider, kind, False, dict(plan)))


@given(PLANS, ANSWERS, st.sampled_from(SHAPES), st.booleans())
def test_whatever_people_do_users_are_served_and_it_comes_to_rest(
    plan: dict[int, str], answers: list[str], shape: tuple[str, str], autoscaled: bool
) -> None:
    """Several of them at any moments, with crashes, absences, refusals and wishes in Prefect between them."""
    provider, kind = shape
    lived(Life(provider, kind, autoscaled and kind == "Deployment", dict(plan), list(answers)))


ASKED = {
    "a Gate is made before a push and people approve": {25: "make the Gate first", 40: "push 1"},
    "the last Gate is closed when its worker dies": {25: "make the Gate last", 40: "push 1", 75: "crash"},
    "somebody aborts at a Gate and tries again": {
        25: "make the Gate ready",
        40: "push 1",
        60: "ask for an abort",
        120: "ask to try again",
    },
    "somebody pauses, the worker dies, and they resume": {40: "push 1", 62: "ask for a pause", 70: "crash"},
    "somebody promotes ahead while a Gate is closed": {25: "make the Gate last", 40: "push 1", 70: "ask to promote"},
    "the Gates go while one is waited for": {25: "make the Gate first", 40: "push 1", 200: "take the Gates away"},
    "it is frozen in the middle of a step, and its worker dies": {40: "push 1", 62: "freeze", 70: "crash"},
    "it is frozen before it begins": {25: "freeze", 40: "push 1"},
    "it is frozen while a Gate is closed, and somebody lets all be": {
        25: "make the Gate first",
        30: "freeze",
        40: "push 1",
        200: "let all Gates be",
    },
    "a frozen release is aborted": {40: "push 1", 62: "freeze", 64: "ask for an abort"},
    "a Gate refuses": {25: "make the Gate first", 40: "push 1", 200: "reject"},
}
"""Lives in which people stand at Gates, or ask for something."""


@pytest.mark.parametrize("life", sorted(ASKED))
@pytest.mark.parametrize(("provider", "kind"), SHAPES)
def test_people_stand_at_gates_and_ask_for_things(provider: str, kind: str, life: str) -> None:
    """By the laws, in each shape; and all that was planned did happen."""
    lived(played := Life(provider, kind, False, dict(ASKED[life])))
    assert len([one for one in played.happened if not one.startswith("mended")]) >= len(ASKED[life])
