"""What holds of a rollout whatever people do to its objects: the laws of `life.py`, at each write and at rest."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.rollout.workloads import WORKLOADS
from tests.hurry import hurry
from tests.laws.life import Life
from tests.laws.people import PEOPLE
from tests.laws.world import PROVIDERS

HABITS = sorted(PEOPLE)
EVENTS = st.sampled_from([*HABITS, "crash", "hiccup", "cancel", "collect"])
PLANS = st.dictionaries(st.integers(3, 160), EVENTS, max_size=5)
ANSWERS = st.lists(st.sampled_from(["good", "good", "good", "bad", "open", "open", "closed"]), max_size=20)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits: draining and pauses are tried on the lab."""
    hurry(monkeypatch)
    monkeypatch.setattr("tasks.scene.ready_endpoints.WITHIN", 0.05)
    monkeypatch.setattr("tasks.scene.ready_endpoints.LOOK", 0.01)
    monkeypatch.setattr("tasks.scene.tend.SERVES_WITHIN", 0.05)
    monkeypatch.setattr("tasks.scene.tend.LOOK", 0.01)
    monkeypatch.setattr("blocks.routers.gateway_api.ACKNOWLEDGED_WITHIN", 0.05)
    monkeypatch.setattr("blocks.routers.kubernetes.OFFERED_WITHIN", 0.05)
    monkeypatch.setattr("blocks.routers.kubernetes.LOOK", 0.01)


def lived(life: Life) -> Life:
    """To the end of what is planned; then people put right what they did, and the rollout comes to rest."""

    async def both() -> None:
        await life.live()
        life.mend()
        await life.live()

    asyncio.run(both())
    assert not life.blamed, (life.blamed, life.happened)
    life.at_rest()
    return life


SHAPES = [("gatewayapi:v1", "Deployment"), ("gatewayapi:v1", "DaemonSet"), ("kubernetes", "Deployment")]
MOMENTS = [-5, 0, 20, 50]
MORE_MOMENTS = [-20, -12, 5, 12, 28, 35, 42, 58, 65, 72, 80, 88, 95]


@pytest.mark.parametrize(("provider", "kind"), SHAPES)
@pytest.mark.parametrize("habit", HABITS)
@pytest.mark.parametrize("moment", [*MOMENTS, *(pytest.param(one, marks=pytest.mark.soak) for one in MORE_MOMENTS)])
def test_one_habit_at_one_moment(habit: str, moment: int, provider: str, kind: str) -> None:
    """Each habit by itself: so many moments into the initialisation (below 0), at rest (0), or so many into a release."""
    first = {-moment: habit} if moment < 0 else {}
    release = {1000 + moment if moment else 2000: habit} if moment >= 0 else {}
    lived(Life(provider, kind, {**first, 1000: "push 1", **release}))


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("habit", ["autoscale the primary", "autoscale the primary down", "autoscale the target"])
@pytest.mark.parametrize("moment", range(32, 48))
def test_an_autoscaler_may_scale_at_any_moment_of_a_promotion(moment: int, habit: str, provider: str) -> None:
    """Between the look at the primary and the write that replaces it too: no write undoes what it gave."""
    lived(Life(provider, "Deployment", {1000: "push 1", 1000 + moment: habit}))


@given(PLANS, ANSWERS, st.sampled_from(sorted(PROVIDERS)), st.sampled_from(sorted(WORKLOADS)))
def test_whatever_people_do_users_are_served_and_it_comes_to_rest(
    plan: dict[int, str], answers: list[str], provider: str, kind: str
) -> None:
    """Several of them at any moments, with crashes, hiccups and cancels between them."""
    lived(Life(provider, kind, dict(plan), list(answers)))
