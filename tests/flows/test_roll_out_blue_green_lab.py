"""Blue/green on a real cluster with real users and no mesh: the apex Service's selector is the switch.

The application has a Service and a route of its own before it gets a Canary, as in the ordinary world.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from blocks.kubernetes.kinds import SERVICE
from sluice.rollout.objects import GOVERNED_BY
from tests.flows.lab_app import App, push_images
from tests.flows.stories import NEW, Tales, Told, ask, tale, tell_all
from tests.samples import gate

pytestmark = pytest.mark.lab
TALES: Tales = {}
ITERATIONS = 2


def blue_green(env: dict[str, Any]) -> dict[str, Any]:
    """Judged by an end-to-end suite alone: users do not reach the new version before it has passed."""
    tested = {"webhooks": [gate("rollout", env["gate_url"] + "/e2e")], "metrics": []}
    return {"provider": "kubernetes", "analysis": {"stepWeights": [], "iterations": ITERATIONS, **tested}}


@tale(blue_green, among=TALES)
async def good(it: App, extra: dict[str, Any]) -> list[str]:
    await it.set_image(NEW)
    outcomes = [await it.start(), await it.start()]
    extra["apex"] = await it.cluster.get(SERVICE, "shop", it.namespace)
    return outcomes


@tale(blue_green, among=TALES)
async def failing(it: App, extra: dict[str, Any]) -> list[str]:
    await ask(it, "e2e/fail")
    await it.set_image(NEW)
    return [await it.start()]


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


def test_a_good_release_switches_all_users_when_it_has_passed(stories: dict[str, Told | Exception]) -> None:
    """To the canary while the primary is replaced, then home; before that they were taken over from the target's pods."""
    told = of(stories, "good")
    assert told.outcomes[0].startswith("promoted: ")
    assert told.outcomes[1] == "unchanged: the primary runs this revision"
    assert told.app.values("users at") == ["shop", "shop-primary", "shop", "shop-primary"]
    assert told.app.values("phase")[-4:] == ["Progressing", "Promoting", "Finalising", "Succeeded"]
    assert told.status["iterations"] == ITERATIONS - 1, "intervals that had passed when the last one was judged"
    assert told.app.values("replicas")[-1] == 0
    assert told.primary == NEW


def test_no_user_loses_a_request_when_all_are_switched(stories: dict[str, Told | Exception]) -> None:
    """Old and new version were both in front of users, and none of their requests failed."""
    told = of(stories, "good")
    assert told.versions() == {"1.0.0", NEW}
    assert [request for request in told.users if request.failed] == []


def test_the_application_s_own_service_stays_what_users_know(stories: dict[str, Told | Exception]) -> None:
    """It is taken over by name: its port is the same, it says whose switch it is, and it does not go with the Canary."""
    apex = of(stories, "good").extra["apex"]
    (port,) = apex["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (80, 9898)
    assert apex["metadata"]["annotations"][GOVERNED_BY] == "shop"
    assert "ownerReferences" not in apex["metadata"]


def test_a_version_that_fails_its_tests_meets_no_user(stories: dict[str, Told | Exception]) -> None:
    """It is rolled back without ever having been behind the apex Service."""
    told = of(stories, "failing")
    assert told.outcomes[0].startswith("rolled back: ")
    assert told.versions() == {"1.0.0"}
    assert [request for request in told.users if request.failed] == []
    assert told.app.values("users at") == ["shop", "shop-primary"]
    assert told.app.values("replicas")[-1] == 0
    assert told.primary == "1.0.0"
