"""Initialise: whatever is in its way, users are served by pods that stay, and the journal says what the primary runs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import DEPLOYMENT
from sluice.errors import TransientError
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.objects import owner_of
from sluice.rollout.revision import revision_of
from sluice.rollout.tending.primary import given
from tasks.rollout import initialise as making
from tasks.rollout.initialise import initialise
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, canary, deployment, merged
from tests.tasks.conftest import OLD_IMAGE, Stage, parts, staged

PRIMARY = f"{NAME}-primary"
FIXED = "registry/shop:1.0.1"


def fresh(image: str = OLD_IMAGE, **spec: Any) -> Stage:
    """A Canary for which nothing was made yet."""
    stage = staged(spec)
    stage.cluster.vanish(DEPLOYMENT, PRIMARY, NAMESPACE)
    stage.change("Canary", NAME, {"status": None})
    stage.cluster.add(deployment(image))
    stage.route.weights.clear()
    return stage


def meanwhile(stage: Stage, what: Any, until: Any = lambda: True) -> None:
    """Initialise, while somebody does something, a moment after what it waits for."""

    async def it() -> None:
        async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
            run = asyncio.create_task(
                initialise.fn(stage.ref, Decision(Action.INITIALISE, outcome=Outcome.INITIALISED))
            )
            await asyncio.sleep(0.1)
            while not until():
                await asyncio.sleep(0.01)
            what()
            await run

    asyncio.run(it())


def served_by(stage: Stage, name: str = PRIMARY) -> set[str]:
    return {image_of(pod) for pod in stage.cluster.pods(name, NAMESPACE)}


def said(stage: Stage) -> str:
    return str(stage.status["conditions"][0]["message"])


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "QUIET", 0.05)


def test_a_fix_that_is_pushed_reaches_a_primary_that_never_became_ready() -> None:
    """Within the wait for the broken one, which may be ten minutes long."""
    stage = fresh()
    stage.cluster.broken_images.add(OLD_IMAGE)
    meanwhile(stage, lambda: stage.cluster.add(deployment(FIXED)))
    assert served_by(stage) == {FIXED}
    assert stage.status["phase"] == Phase.INITIALIZED
    assert stage.status["lastPromotedSpec"] == given(stage.now("Deployment", PRIMARY)) == revision_of(deployment(FIXED))


def test_people_read_in_the_canary_why_there_is_no_primary_yet(play: Any) -> None:
    """In the pods' own words; the target serves its users meanwhile."""
    stage = fresh(progressDeadlineSeconds=0.2)
    stage.cluster.broken_images.add(OLD_IMAGE)
    with pytest.raises(TransientError, match="shop-primary did not become ready: pod shop-primary-pod-0"):
        play(stage, initialise, outcome=Outcome.INITIALISED)
    assert said(stage) == "shop-primary did not become ready: pod shop-primary-pod-0: Running, not ready"
    assert stage.status["phase"] == Phase.INITIALIZING
    assert served_by(stage, NAME) == {OLD_IMAGE}
    assert stage.route.weights == {}


def test_a_primary_that_a_dead_run_had_made_is_brought_to_what_the_target_holds(play: Any) -> None:
    """Users are on the target's pods: they must not meet an older revision, nor the journal speak of a newer one."""
    stage = fresh()
    stage.breaks("apply", "after", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        play(stage, initialise, outcome=Outcome.INITIALISED)
    stage.cluster.add(deployment(FIXED))
    play(stage, initialise, outcome=Outcome.INITIALISED)
    assert served_by(stage) == {FIXED}
    assert stage.status["lastPromotedSpec"] == given(stage.now("Deployment", PRIMARY)) == revision_of(deployment(FIXED))


def test_a_primary_that_serves_alone_is_kept_where_the_status_was_lost(play: Any) -> None:
    """As when a cluster is restored from git: what the target holds by then is to be released, not to be given."""
    stage = fresh()
    play(stage, initialise, outcome=Outcome.INITIALISED)
    stage.change("Canary", NAME, {"status": None})
    stage.cluster.add(deployment(FIXED, replicas=0))
    play(stage, initialise, outcome=Outcome.INITIALISED)
    assert served_by(stage) == {OLD_IMAGE}
    assert stage.status["lastPromotedSpec"] == revision_of(deployment(OLD_IMAGE))


def test_somebody_else_s_deployment_of_the_primary_s_name_is_left_as_it_is() -> None:
    """Refused by name, where people look, until it is out of the way; then it goes on by itself."""
    stage = fresh()
    stage.cluster.add(deployment("registry/other:1", name=PRIMARY))
    before = stage.now("Deployment", PRIMARY)["metadata"]["resourceVersion"]

    def goes() -> None:
        assert stage.now("Deployment", PRIMARY)["metadata"]["resourceVersion"] == before
        assert "Deployment shop-test/shop-primary exists and was not made by sluice" in said(stage)
        assert served_by(stage, NAME) == {OLD_IMAGE}
        stage.cluster.vanish(DEPLOYMENT, PRIMARY, NAMESPACE)

    meanwhile(stage, goes)
    assert served_by(stage) == {OLD_IMAGE}
    assert stage.status["phase"] == Phase.INITIALIZED


@pytest.mark.parametrize(
    "leaving",
    [
        pytest.param({"deletionTimestamp": "2026-01-01T00:00:00Z"}, id="being deleted"),
        pytest.param({"ownerReferences": [{**owner_of(canary()), "uid": "earlier"}]}, id="of the one before"),
    ],
)
def test_a_primary_on_its_way_out_is_no_primary(leaving: dict[str, Any]) -> None:
    """A Canary that was deleted and made again waits until the old one's is collected: only then the target rests."""
    stage = fresh()
    stage.cluster.add(deployment("registry/shop:0.9.0", name=PRIMARY, change={"metadata": leaving}))

    def collected() -> None:
        assert served_by(stage, NAME) == {OLD_IMAGE}
        assert "waiting until it is gone" in said(stage)
        stage.cluster.vanish(DEPLOYMENT, PRIMARY, NAMESPACE)

    meanwhile(stage, collected)
    assert served_by(stage) == {OLD_IMAGE}
    assert served_by(stage, NAME) == set()


def test_the_primary_is_looked_at_once_more_right_before_the_target_rests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have been deleted since: the target goes on serving, and the next try makes another one."""
    stage = fresh()
    monkeypatch.setattr(making, "DRAIN", 0.5)

    def collected() -> None:
        assert stage.route.weights == {NAME: 0}
        leaving = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
        stage.cluster.add(merged(stage.now("Deployment", PRIMARY), leaving))

    with pytest.raises(TransientError, match="is being deleted"):
        meanwhile(stage, collected, until=lambda: NAME in stage.route.weights)
    assert served_by(stage, NAME) == {OLD_IMAGE}


def test_a_person_can_give_up_making_a_primary(play: Any) -> None:
    """The target serves on, and people read how to begin once more."""
    stage = fresh()
    play(stage, initialise, outcome=Outcome.CANCELLED, reason="cancelled by a person")
    assert stage.status["phase"] == Phase.FAILED
    assert stage.status["lastAppliedSpec"] == revision_of(deployment(OLD_IMAGE))
    assert said(stage) == (
        "Making the primary was cancelled by a person; push another revision, or run roll_out with retry_refused=true"
    )
    assert served_by(stage, NAME) == {OLD_IMAGE}
    play(stage, initialise, outcome=Outcome.INITIALISED)
    assert stage.status["phase"] == Phase.INITIALIZED
