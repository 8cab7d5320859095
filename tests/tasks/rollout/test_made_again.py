"""A workload that is deleted and made again while it is waited for is not the one that was written, whatever it counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from blocks.kubernetes.kinds import WORKLOAD_KINDS
from sluice.errors import StaleError, TransientError
from sluice.manifests.flagger.phase import Phase
from tasks.rollout.promote import promote
from tasks.rollout.scale_up import scale_up
from tests.samples import NAME, NAMESPACE, deployment
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, staged

Object = dict[str, Any]
PRIMARY = f"{NAME}-primary"
LATER = 9
"""A generation that is later than any of this test's."""


def image(stage: Stage, name: str) -> str:
    return str(stage.now("Deployment", name)["spec"]["template"]["spec"]["containers"][0]["image"])


def made_again(stage: Stage, name: str, image_: str, **meta: Any) -> None:
    """What somebody does who deletes it and applies what they have; it has been written often since."""
    old = stage.now("Deployment", name)
    stage.cluster.vanish(WORKLOAD_KINDS["Deployment"], name, NAMESPACE)
    kept = {key: value for key, value in old["metadata"].items() if key in {"name", "namespace", "labels"}}
    made = {**old, "metadata": {**kept, "uid": "another", **meta}, "status": {}}
    containers = [{**made["spec"]["template"]["spec"]["containers"][0], "image": image_}]
    template = made["spec"]["template"]
    made["spec"] = {**made["spec"], "template": {**template, "spec": {**template["spec"], "containers": containers}}}
    stage.cluster.add(made)
    for number in range(LATER):
        made["spec"]["minReadySeconds"] = number
        stage.cluster.add(made)


def once(stage: Stage, verb: str, name: str, act: Callable[[], None], when: str = "after") -> None:
    """Have somebody do something right after, or before, the next such write of a Deployment."""

    def hook(then: str, what: str, item: Object) -> None:
        if (then, what, item["kind"]) == (when, verb, "Deployment") and item["metadata"]["name"] == name:
            stage.cluster.hooks.remove(hook)
            act()

    stage.cluster.hooks.append(hook)


def test_a_primary_that_is_made_again_in_its_promotion_is_given_the_revision_once_more(play: Any) -> None:
    """It runs what nobody judged, and serves: the traffic stays on the judged canary until it runs what was judged."""
    stage = staged(weight=60)
    owners = {"ownerReferences": stage.now("Deployment", PRIMARY)["metadata"]["ownerReferences"]}
    stage.cluster.unready.add(PRIMARY)

    def act() -> None:
        stage.cluster.unready.clear()
        made_again(stage, PRIMARY, OLD_IMAGE, **owners)

    once(stage, "apply", PRIMARY, act)
    with pytest.raises(TransientError, match="shop-primary was deleted and made again"):
        play(stage, promote)
    assert (stage.route.weights[NAME], stage.status["phase"]) == (100, Phase.PROMOTING)
    play(stage, promote)
    assert image(stage, PRIMARY) == NEW_IMAGE
    assert (stage.route.weights[NAME], stage.status["phase"]) == (0, Phase.FINALISING)


def test_a_primary_that_is_deleted_in_its_promotion_is_made_at_once(play: Any) -> None:
    """The deadline is not waited for."""
    stage = staged(weight=60)
    stage.cluster.unready.add(PRIMARY)
    gone = WORKLOAD_KINDS["Deployment"]
    once(stage, "apply", PRIMARY, lambda: stage.cluster.vanish(gone, PRIMARY, NAMESPACE))
    with pytest.raises(TransientError, match="shop-primary was deleted"):
        play(stage, promote)
    stage.cluster.unready.clear()
    play(stage, promote)
    assert image(stage, PRIMARY) == NEW_IMAGE


@pytest.mark.parametrize("weight", [100, 0])
def test_a_route_that_is_deleted_at_the_last_write_of_a_promotion_does_not_roll_it_back(play: Any, weight: int) -> None:
    """The primary runs the new revision by then: the route is made again, and the promotion comes to its end."""
    stage = staged(weight=60)

    def act(when: str, what: str, item: Object) -> None:
        if (when, what, item.get("weight")) == ("before", "shift", weight):
            stage.cluster.hooks.remove(act)
            stage.route.weights.clear()

    stage.cluster.hooks.append(act)
    with pytest.raises(StaleError, match="somebody deleted it just now"):
        play(stage, promote)
    assert stage.status["phase"] == Phase.PROMOTING
    play(stage, promote)
    assert (stage.route.weights[NAME], stage.status["phase"]) == (0, Phase.FINALISING)
    assert stage.status["lastPromotedSpec"] == stage.ref.revision


def test_somebody_else_s_workload_of_the_primary_s_name_is_not_promoted_to(play: Any) -> None:
    """It is named and left as it is; the users stay on the judged canary, for nothing else is known to be good."""
    stage = staged(weight=60)

    def act(when: str, what: str, item: Object) -> None:
        if (when, what) == ("after", "shift"):
            stage.cluster.hooks.remove(act)
            stage.cluster.vanish(WORKLOAD_KINDS["Deployment"], PRIMARY, NAMESPACE)
            stage.cluster.add(deployment("registry/other:1", name=PRIMARY))

    stage.cluster.hooks.append(act)
    for _ in range(2):
        with pytest.raises(TransientError, match="shop-primary exists and was not made by sluice"):
            play(stage, promote)
    assert image(stage, PRIMARY) == "registry/other:1"
    assert stage.route.weights[NAME] == 100


@pytest.mark.parametrize("verb", ["filled", "frozen"])
def test_a_canary_that_is_made_again_while_it_is_waited_for_is_brought_up_once_more(play: Any, verb: str) -> None:
    """At another size, and thawed: what was written of the first one holds for it no more."""
    stage = staged(replicas=0, weight=0)

    def starts() -> None:
        stage.cluster.unready.add(NAME)
        once(stage, "patch", NAME, again)

    def again() -> None:
        stage.cluster.unready.clear()
        made_again(stage, NAME, NEW_IMAGE)
        stage.change("Deployment", NAME, {"spec": {"paused": False, "replicas": 1}})

    # The first patch gives it pods, the second one freezes it.
    if verb == "filled":
        once(stage, "patch", NAME, starts, "before")
    else:
        once(stage, "patch", NAME, lambda: once(stage, "patch", NAME, starts, "before"))
    with pytest.raises(TransientError, match="shop was deleted and made again"):
        play(stage, scale_up)
    assert play(stage, scale_up).scaled
    assert stage.now("Deployment", NAME)["spec"]["replicas"] == 2
    assert stage.now("Deployment", NAME)["spec"]["paused"]
