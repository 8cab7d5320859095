"""Flags whose share is raised on a real cluster, under load: users fare well and everybody gets it, or it goes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from blocks.connections import connected
from blocks.flags.table import FlagServices
from blocks.kubernetes.kinds import FLAG_ROLLOUT, NAMESPACE, POD
from flows.toggle_flag import toggle_flag
from lab.load import LOAD
from lab.load.summary import RequestLog, UserRequest
from lab.machine.network import NODE_ADDRESS
from lab.parts.daemons import found
from lab.processes.child import Child
from lab.programs.gobuild import build_program
from lab.standins.flags.app import application
from sluice.manifests.own.flag_rollout import FlagRollout
from tests.flows.lab_app import REPOSITORY, App, install_kinds, own_front, push_images, wired
from tests.prefect_server import free_port
from tests.samples import workload
from tests.served import served

pytestmark = pytest.mark.lab
TOKEN, RATE, USERS = "flipt-token-of-the-lab", 40, 1000
PATIENCE = 60.0
UNDER_WAY = 0.5
"""Seconds in which a request that was sent before the flag was turned may still be answered."""
SPLIT = {"series": "shop_requests_total", "label": "app", "where": {}, "bad": {"code": "5.."}}
OF_ROUTE = {
    "series": "envoy_cluster_upstream_rq_xx",
    "label": "envoy_cluster_name",
    "where": {"job": "envoy"},
    "good": {"envoy_response_code_class": "[23]"},
}
Object = dict[str, Any]


@dataclass
class Story:
    """What is raised, and what became of it.

    Attributes:
        image: its feature does this.
        split: whether the metric has the label of the variant.
        shares: those that the FlagRollout had, in order.
        turned: when each of them was seen, seconds since the epoch.
    """

    image: str
    split: bool
    outcome: str = ""
    rollout: FlagRollout | None = None
    flag: Object = field(default_factory=dict)
    shares: list[float] = field(default_factory=list)
    turned: list[float] = field(default_factory=list)
    users: list[UserRequest] = field(default_factory=list)

    @property
    def failed(self) -> list[float]:
        """When requests were sent that failed."""
        return [one.t for one in self.users if one.failed]


STORIES = {
    "good": Story("1.1.0", split=True),
    "bad": Story("1.1.0-flag", split=True),
    "unsplit": Story("1.1.0-flag", split=False),
}


class Lab:
    """What the stories share: the cluster, the flag service, and a Prometheus that scrapes the shops themselves."""

    def __init__(self, env: Object, cluster: Any, flags: str, folder: Path) -> None:
        self.env, self.cluster, self.flags, self.folder = env, cluster, flags, folder
        self.targets = folder / "targets"
        self.targets.mkdir()
        self.prometheus = f"http://127.0.0.1:{free_port()}"

    def scraper(self) -> Child:
        """Its Prometheus, each second."""
        scraped = {
            "job_name": "shops",
            "file_sd_configs": [{"files": [f"{self.targets}/*.json"], "refresh_interval": "1s"}],
        }
        config = self.folder / "prometheus.yaml"
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scraped]}))
        address = self.prometheus.removeprefix("http://")
        command = [found("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'tsdb'}"]
        command += [f"--web.listen-address={address}", "--log.level=warn"]
        child = Child.started("prometheus", command, self.folder / "prometheus.log")
        child.wait_until(lambda: answers(f"{self.prometheus}/-/ready"), PATIENCE, "ready")
        return child

    async def flag(self, key: str) -> Object:
        """As Flipt v2 has it."""
        path = f"/api/v2/environments/default/namespaces/default/resources/flipt.core.Flag/{key}"
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(self.flags + path, headers={"Authorization": f"Bearer {TOKEN}"})
        payload: Object = answer.raise_for_status().json()["resource"]["payload"]
        return payload


def answers(url: str, **headers: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(url, headers=headers, timeout=2, trust_env=False).status_code == 200
    return False


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, what
        await asyncio.sleep(0.1)


@asynccontextmanager
async def shop(lab: Lab, name: str, story: Story) -> AsyncIterator[App]:
    """A shop that asks for its flag for each user, and its users; nobody delivers it."""
    namespace = f"raise-{name}-{uuid4().hex[:5]}"
    it = App(lab.env, lab.cluster, namespace, RequestLog(lab.folder / f"{namespace}.jsonl"))
    asked = {"FLAG": name, "FLAG_URL": lab.flags, "FLAG_TOKEN": TOKEN, "FLAG_USERS": str(USERS)}
    target = workload("Deployment", f"{lab.env['registry']}/{REPOSITORY}:{story.image}")
    target["metadata"] = {"name": "shop", "namespace": namespace, "labels": {"app": "shop"}}
    target["spec"]["replicas"] = 1
    (container,) = target["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": key, "value": value} for key, value in asked.items()]
    await lab.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    load: Child | None = None
    try:
        for item in (target, *own_front(it)):
            await lab.cluster.create(item)
        await until(lambda: answers(lab.env["gateway_url"], Host=it.host), f"{namespace} serves nobody")
        (pod,) = await lab.cluster.list(POD, namespace)
        scraped = {"targets": [f"{pod['status']['podIP']}:9898"], "labels": {"app": namespace}}
        (lab.targets / f"{name}.json").write_text(json.dumps([scraped]))
        command = [build_program(LOAD, "load"), "--url", lab.env["gateway_url"], "--host", it.host, "--rate", RATE]
        out = ["--out", lab.folder / f"{namespace}.jsonl"]
        load = Child.started("load", [str(part) for part in [*command, *out]], lab.folder / f"{namespace}.log")
        await until(lambda: len(it.users.read()) > 3 * RATE, f"{namespace} has no users")
        yield it
    finally:
        if load:
            await asyncio.to_thread(load.stop)
        await lab.cluster.delete(NAMESPACE, namespace)


def manifests(lab: Lab, it: App, name: str, story: Story) -> list[Object]:
    """The FlagRollout, with the Secret that it names."""
    meta = {"namespace": it.namespace}
    series = {**SPLIT, "canary": it.namespace} if story.split else {**OF_ROUTE, "canary": f"{it.namespace}_shop_80"}
    metric = {"name": "orders", "thresholdRange": {"min": 99}, "counted": series}
    service = {"type": "flipt-v2", "address": lab.flags, "secretRef": {"name": "flipt"}}
    analysis = {"interval": "5s", "threshold": 2, "stepWeights": [10, 50], "metrics": [metric]}
    spec = {"flag": name, "service": service, "progressDeadlineSeconds": 20, "analysis": analysis}
    spec |= {"metricsServer": lab.prometheus} if story.split else {}
    rollout = {"apiVersion": FlagRollout.api_version, "kind": "FlagRollout", "metadata": {**meta, "name": name}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {**meta, "name": "flipt"}}
    return [{**secret, "stringData": {"token": TOKEN}}, {**rollout, "spec": spec}]


async def play(lab: Lab, name: str, story: Story) -> None:
    async with shop(lab, name, story) as it:
        for item in manifests(lab, it, name, story):
            await lab.cluster.create(item)
        noting = asyncio.create_task(note(it, name, story))
        try:
            state = await toggle_flag(namespace=it.namespace, flag_rollout=name, return_state=True)
        finally:
            noting.cancel()
        story.outcome = f"{state.name}: {state.message}"
        look(story, FlagRollout.parse(await lab.cluster.get(FLAG_ROLLOUT, name, it.namespace)))
        story.flag = await lab.flag(name)
        await asyncio.sleep(3)  # users of what is served in the end
        story.users = it.users.read()


async def note(it: App, name: str, story: Story) -> None:
    while True:
        look(story, FlagRollout.parse(await it.cluster.get(FLAG_ROLLOUT, name, it.namespace)))
        await asyncio.sleep(0.1)


def look(story: Story, rollout: FlagRollout) -> None:
    story.rollout, share = rollout, rollout.status.share
    if share is not None and story.shares[-1:] != [share]:
        story.shares.append(share)
        story.turned.append(time.time())


async def play_all(env: Object, folder: Path) -> None:
    known = [{"key": key, "name": key, "type": "BOOLEAN_FLAG_TYPE", "enabled": False} for key in STORIES]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        url = await stack.enter_async_context(served(application(folder / "flags", TOKEN), NODE_ADDRESS))
        await http.put(f"{url}/-/flags/default/default", content=json.dumps({"version": "1.4", "flags": known}))
        connections = await stack.enter_async_context(wired(env))
        nobody: Any = None
        connections.flags = FlagServices(http, connections.cluster, nobody, nobody)
        await install_kinds(connections.cluster)
        lab = Lab(env, connections.cluster, url, folder)
        stack.callback((await asyncio.to_thread(lab.scraper)).stop)
        stack.enter_context(connected(connections))
        await asyncio.gather(*(play(lab, name, story) for name, story in STORIES.items()))


@pytest.fixture(scope="module")
def stories(lab_env: Object, prefect_engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Story]:
    push_images(lab_env)
    asyncio.run(play_all(lab_env, tmp_path_factory.mktemp("raised")))
    return STORIES


def shares_of(flag: Object) -> set[float]:
    """Percent of users that its switch and its rollouts give it to."""
    rollouts = flag.get("rollouts") or []
    return {one["threshold"]["percentage"] for one in rollouts} or {100.0 if flag["enabled"] else 0.0}


def judged(story: Story) -> str:
    assert story.rollout is not None
    return story.rollout.status.judged


def test_a_good_feature_is_raised_step_by_step_until_everybody_has_it(stories: dict[str, Story]) -> None:
    """Without a failed request, and with nothing of sluice's left in the flag."""
    good = stories["good"]
    assert good.outcome.startswith("Succeeded"), good.outcome
    assert good.shares == [10.0, 50.0, 100.0]
    assert judged(good) == "split by variant"
    assert shares_of(good.flag) == {100.0}
    assert good.failed == []


@pytest.mark.parametrize(("name", "how"), [("bad", "split by variant"), ("unsplit", "before/after")])
def test_a_bad_feature_goes_back_to_the_share_that_it_had(stories: dict[str, Story], name: str, how: str) -> None:
    """At its first step; who has it, and nobody else, has errors until then, and nobody afterwards."""
    bad = stories[name]
    assert bad.outcome.startswith("Failed"), bad.outcome
    assert bad.shares == [10.0, 0.0]
    assert judged(bad) == how
    assert shares_of(bad.flag) == {0.0}
    raised, lowered = bad.turned
    assert bad.failed
    assert max(bad.failed) <= lowered + UNDER_WAY
    meanwhile = [one for one in bad.users if raised <= one.t <= lowered]
    print(f"{name}: {lowered - raised:.1f} s at 10 %, {len(bad.failed)} errors among {len(meanwhile)} requests")
    assert len(bad.failed) < len(meanwhile) / 5
