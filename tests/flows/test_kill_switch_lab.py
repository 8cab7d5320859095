"""A bad feature behind a flag on a real cluster, with real users: the flag goes off within seconds, its release goes on."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.connections import connections
from blocks.flags.table import FlagServices
from blocks.kubernetes.kinds import CANARY, WORKLOAD_KINDS
from lab.machine.network import NODE_ADDRESS
from lab.standins.flags.app import application
from tests.flows.lab_app import REPOSITORY, App, push_images
from tests.flows.stories import Tales, Told, tale, tell_all
from tests.served import served

pytestmark = pytest.mark.lab
TOKEN, FLAG, BAD = "flipt-token-of-the-lab", "new-checkout", "1.1.0-flag"
CACHE = 2.0
"""Seconds for which the application evaluates a flag as it was."""
FLAGS = {
    "version": "1.4",
    "flags": [
        {"key": key, "name": key, "type": "BOOLEAN_FLAG_TYPE", "enabled": True} for key in (FLAG, "of-somebody-else")
    ],
}
TALES: Tales = {}


def with_switch(env: dict[str, Any]) -> dict[str, Any]:
    """One step with half of the users; its flag is named with the new image."""
    return {"analysis": {"interval": "15s", "stepWeights": [50], "threshold": 5}}


class Flipt:
    """The stand-in on the lab's own bridge, where pods reach it, and what it was asked."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url, self.http = url, http

    async def enabled(self, key: str) -> bool:
        answer = await self.http.get(
            f"{self.url}/api/v1/namespaces/default/flags/{key}", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        return bool(answer.json()["enabled"])

    async def off_at(self, key: str) -> float:
        """Waits until the flag is off; when that was."""
        while await self.enabled(key):
            await asyncio.sleep(0.02)
        return time.time()


async def bring(it: App, flipt: Flipt) -> None:
    """What a delivery applies: the new image, and where its flags are asked for."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "flipt", "namespace": it.namespace},
        "stringData": {"token": TOKEN},
    }
    await it.cluster.apply(secret)
    service = {"type": "flipt", "address": flipt.url, "secretRef": {"name": "flipt"}}
    switch = {"service": service, "flags": [FLAG], "within": "45s"}
    await it.cluster.patch(CANARY, "shop", it.namespace, {"spec": {"analysis": {"killSwitch": switch}}})
    kind = WORKLOAD_KINDS["Deployment"]
    target = await it.cluster.get(kind, "shop", it.namespace)
    (container,) = target["spec"]["template"]["spec"]["containers"]
    env = {"FLAG": FLAG, "FLAG_URL": flipt.url, "FLAG_TOKEN": TOKEN, "FLAG_CACHE_MS": str(int(CACHE * 1000))}
    image = f"{it.env['registry']}/{REPOSITORY}:{BAD}"
    named = [{"name": name, "value": value} for name, value in env.items()]
    containers = [{**container, "image": image, "env": named}]
    await it.cluster.patch(kind, "shop", it.namespace, {"spec": {"template": {"spec": {"containers": containers}}}})


@tale(with_switch, among=TALES)
async def a_bad_feature(it: App, extra: dict[str, Any]) -> list[str]:
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        served(application(Path(it.users._path).parent, TOKEN), NODE_ADDRESS) as url,
    ):
        flipt, nothing = Flipt(url, http), None
        await http.put(f"{url}/-/flags/default/default", content=json.dumps(FLAGS))
        connections().flags = FlagServices(http, it.cluster, nothing, nothing)  # type: ignore[arg-type]
        await bring(it, flipt)
        off = asyncio.create_task(flipt.off_at(FLAG))
        ends = [await it.start()]
        extra["off at"] = await asyncio.wait_for(off, 5)
        extra["others"] = await flipt.enabled("of-somebody-else")
        return ends


@pytest.fixture(scope="module")
def told(lab_env: dict[str, Any], prefect_engine: str, tmp_path_factory: pytest.TempPathFactory) -> Told:
    push_images(lab_env)
    stories = asyncio.run(tell_all(lab_env, tmp_path_factory.mktemp("users"), set(TALES), TALES))
    story = stories["a-bad-feature"]
    if isinstance(story, Exception):
        raise story
    return story


def test_its_release_goes_on_and_is_promoted(told: Told) -> None:
    """With the flag off, and without the traffic having gone home in between."""
    assert told.outcomes[0].startswith("promoted")
    assert told.app.values("weight") == [0, 50, 100, 0]
    assert told.primary == BAD
    flags = told.status["flags"]
    assert (flags["state"], [one["key"] for one in flags["off"]]) == ("recovered", [FLAG])
    assert told.extra["others"]


def test_users_errors_end_within_one_period_of_the_evaluation_cache(told: Told) -> None:
    """And a moment for what was under way."""
    failed = [one.t for one in told.users if one.status >= 500]
    assert failed
    assert max(failed) <= told.extra["off at"] + CACHE + 1.0
    print(f"first error to flag off: {told.extra['off at'] - min(failed):.1f} s; errors: {len(failed)}")
