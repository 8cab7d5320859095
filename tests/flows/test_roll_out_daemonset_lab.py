"""Releases of a DaemonSet on a real cluster, with real users: the same promises as of a Deployment."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import CANARY, WORKLOAD_KINDS
from sluice.rollout.workloads.daemonset import KEPT_STRATEGY
from tests.flows.lab_app import App, push_images
from tests.flows.stories import NEW, Tales, Told, tale, tell_all

pytestmark = pytest.mark.lab
DAEMON_SETS = WORKLOAD_KINDS["DaemonSet"]
TARGET = {"targetRef": {"kind": "DaemonSet"}}
TALES: Tales = {}


async def strategy(it: App, name: str = "shop") -> str:
    found = await it.cluster.get(DAEMON_SETS, name, it.namespace)
    return str(found["spec"]["updateStrategy"]["type"])


@tale(lambda env: TARGET, among=TALES)
async def good(it: App, extra: dict[str, Any]) -> list[str]:
    extra["at rest"] = it.values("replicas")[-1]
    await it.set_image(NEW)
    run = it.start()
    await it.until_weight(30)
    extra["strategy under traffic"] = await strategy(it)
    ends = [await run, await it.start()]
    target = await it.cluster.get(DAEMON_SETS, "shop", it.namespace)
    extra["strategies after"] = [await strategy(it, name) for name in ("shop", "shop-primary")]
    extra["annotations after"] = set(target["metadata"]["annotations"])
    return ends


@tale(lambda env: {**TARGET, "analysis": {"interval": "30s"}}, among=TALES)
async def failing(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image("1.1.0-bad")
    return [await it.start(), await it.start()]


@tale(lambda env: {**TARGET, "analysis": {"interval": "20s"}}, among=TALES)
async def superseded(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    first = it.start()
    await it.until_weight(30)
    await it.cluster.patch(CANARY, "shop", it.namespace, {"spec": {"analysis": {"interval": "2s"}}})
    await it.set_image("1.2.0")
    return [await first, await it.start()]


@pytest.fixture(scope="module")
def stories(
    lab_env: dict[str, Any], prefect_engine: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Told | Exception]:
    push_images(lab_env)
    return asyncio.run(tell_all(lab_env, tmp_path_factory.mktemp("users"), set(TALES), TALES))


def of(stories: dict[str, Told | Exception], name: str) -> Told:
    story = stories[name]
    if isinstance(story, Exception):
        raise story
    return story


def test_a_good_release_of_a_daemonset_is_promoted(stories: dict[str, Told | Exception]) -> None:
    """Through all steps, frozen while users meet it; at the end the target rests, and its strategy is its users' again."""
    told = of(stories, "good")
    assert told.extra["at rest"] == 0
    assert told.outcomes[0].startswith("promoted: request-success-rate 100 %")
    assert told.outcomes[1] == "unchanged: the primary runs this revision"
    assert told.app.values("weight") == [0, 30, 60, 100, 0]
    assert told.primary == NEW
    assert told.extra["strategy under traffic"] == "OnDelete"
    assert told.extra["strategies after"] == ["RollingUpdate", "RollingUpdate"]
    assert KEPT_STRATEGY not in told.extra["annotations after"]
    assert told.app.order("weight", "replicas")[-2:] == [("weight", 0), ("replicas", 0)]


def test_no_user_of_a_daemonset_loses_a_request_in_a_good_release(stories: dict[str, Told | Exception]) -> None:
    """Old and new version were both in front of users, and none of their requests failed."""
    told = of(stories, "good")
    assert told.versions() == {"1.0.0", NEW}
    assert [request for request in told.users if request.failed] == []


def test_a_failing_release_of_a_daemonset_is_rolled_back(stories: dict[str, Told | Exception]) -> None:
    """Traffic home first, then the canary to zero; the primary is not touched, and the revision is not tried again."""
    told = of(stories, "failing")
    assert told.outcomes[0].startswith("rolled back: request-success-rate ")
    assert told.outcomes[1].startswith("refused")
    assert told.status["phase"] == "Failed"
    assert told.primary == "1.0.0"
    assert told.app.order("weight", "replicas")[-2:] == [("weight", 0), ("replicas", 0)]


def test_a_template_that_is_pushed_in_the_middle_meets_no_user_before_its_own_release(
    stories: dict[str, Told | Exception],
) -> None:
    """Its pods are not even made while the traffic is on those of the older one, and no request of a user fails."""
    told = of(stories, "superseded")
    assert told.outcomes[0].startswith("superseded")
    assert told.outcomes[1].startswith("promoted")
    assert told.app.values("weight") == [0, 30, 0, 30, 60, 100, 0]
    assert told.primary == "1.2.0"
    assert [request for request in told.users if request.failed] == []


def test_users_of_every_story_were_served_to_its_end(stories: dict[str, Told | Exception]) -> None:
    """Whatever happened to the release, the last answers are good ones of the primary's version."""
    for name in TALES:
        told = of(stories, name)
        assert {request.version for request in told.users[-5:]} == {told.primary}
        assert not any(request.failed for request in told.users[-5:])
