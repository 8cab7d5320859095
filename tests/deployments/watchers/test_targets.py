"""The watcher: every change that needs a rollout is told once, whoever made it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.follow import News
from blocks.kubernetes.kinds import CANARY, DEPLOYMENT, NAMESPACE, WORKLOAD_KINDS
from deployments.settings import Settings
from deployments.watchers import announcer
from deployments.watchers.announcer import Announcer
from deployments.watchers.targets import Watcher, watch
from sluice.errors import TransientError
from sluice.events.model import Event, TargetChanged
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.revision import revision_of
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.base import merged
from tests.samples import NAME, canary_manifest, daemon_set, deployment
from tests.samples import NAMESPACE as SPACE

KEY = (SPACE, NAME)
PATIENCE = 60.0


class Post:
    """Takes events; refuses the first ones where a test says so."""

    def __init__(self, refusals: int = 0) -> None:
        self.events: list[Event] = []
        self.refusals = refusals

    async def __call__(self, events: Sequence[Event]) -> None:
        if self.refusals:
            self.refusals -= 1
            raise TransientError("nobody takes it yet")
        self.events += events


def watching(canary: dict[str, Any] | None = None, target: dict[str, Any] | None = None) -> Watcher:
    """A watcher that has seen a Canary and a Deployment."""
    it = Watcher(None, Announcer(Post()))  # type: ignore[arg-type]
    if canary:
        it.update(CANARY, News([canary], whole=True))
    if target:
        it.update(DEPLOYMENT, News([target], whole=True))
    return it


def at(phase: Phase | None, promoted: str = "r1", applied: str = "r1", **spec: Any) -> dict[str, Any]:
    return canary_manifest(spec, {"phase": phase, "lastPromotedSpec": promoted, "lastAppliedSpec": applied})


REVISION = revision_of(deployment())


@pytest.mark.parametrize(
    ("canary", "target", "told"),
    [
        pytest.param(canary_manifest(), deployment(), True, id="a Canary that nobody has made anything for"),
        pytest.param(at(Phase.SUCCEEDED), deployment(), True, id="a new revision"),
        pytest.param(at(Phase.SUCCEEDED, promoted=REVISION), deployment(), False, id="what is promoted"),
        pytest.param(at(Phase.FAILED, applied=REVISION), deployment(), False, id="what was rolled back"),
        pytest.param(at(Phase.PROGRESSING, applied=REVISION), deployment(), False, id="what is on its way"),
        pytest.param(at(Phase.PROGRESSING, applied="r2"), deployment(), True, id="a newer one"),
        pytest.param(at(Phase.SUCCEEDED, suspend=True), deployment(), False, id="suspended"),
        pytest.param(canary_manifest(), None, False, id="no target yet"),
        pytest.param(None, deployment(), False, id="a Deployment without a Canary"),
        pytest.param(canary_manifest(), deployment(name="other"), False, id="another Deployment"),
    ],
)
def test_what_needs_a_rollout_is_told(canary: dict[str, Any] | None, target: dict[str, Any] | None, told: bool) -> None:
    """Only for what is new, and only when both halves are known."""
    event = watching(canary, target).event_for(KEY)
    assert (event is not None) is told
    if event:
        assert (event.namespace, event.canary, event.revision, event.version) == (SPACE, NAME, REVISION, "1.0.0")


def test_the_same_need_is_told_once() -> None:
    """Statuses that change, lists that come anew: one revision, one event."""
    it = watching(at(Phase.SUCCEEDED), deployment())
    assert it.event_for(KEY)
    it.update(DEPLOYMENT, News([deployment(replicas=7)]))
    it.update(CANARY, News([at(Phase.SUCCEEDED)], whole=True))
    assert it.event_for(KEY) is None


def test_a_revision_that_comes_back_after_another_one_is_told_again() -> None:
    """1.0 → 1.1 → 1.0: the old image is a new wish."""
    it = watching(at(Phase.SUCCEEDED, "r0", "r0"), deployment())
    first = it.event_for(KEY)
    it.update(CANARY, News([at(Phase.SUCCEEDED, "other", "other")]))
    again = it.event_for(KEY)
    assert first is not None
    assert again is not None
    assert first.revision == again.revision


def test_a_revision_that_comes_back_after_it_was_put_back_is_told_again() -> None:
    """Set an image, set the old one again, set the image once more: the third change needs a rollout as the first did."""
    promoted, new = deployment("shop:1.0.0"), deployment("shop:2.0.0")
    it = watching(at(Phase.SUCCEEDED, promoted=revision_of(promoted)), new)
    assert it.event_for(KEY)
    it.update(DEPLOYMENT, News([promoted]))
    assert it.event_for(KEY) is None
    it.update(DEPLOYMENT, News([new]))
    assert it.event_for(KEY)


def test_the_same_news_to_two_watchers_is_one_event() -> None:
    """A watcher that starts anew tells the same delivery: whoever takes events starts one run."""
    first, second = (watching(at(Phase.SUCCEEDED), deployment()).event_for(KEY) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.id == second.id


def test_a_deployment_calls_up_the_canaries_that_point_at_it() -> None:
    """News of a target concern its Canary, and no other."""
    it = watching()
    it.update(CANARY, News([canary_manifest(), canary_manifest(name="other")], whole=True))
    assert it.update(DEPLOYMENT, News([deployment()])) == [KEY]
    assert it.update(DEPLOYMENT, News([deployment(name="nobody")])) == []


DAEMON_SET = WORKLOAD_KINDS["DaemonSet"]
OF_A_DAEMON_SET = {"targetRef": {"kind": "DaemonSet"}}


def test_a_daemonset_is_watched_as_a_deployment_is() -> None:
    """A new image is one event; that a release scales it, freezes it or lets it rest is none."""
    it = watching(at(Phase.SUCCEEDED, **OF_A_DAEMON_SET))
    old = daemon_set("registry/shop:0.9.0")
    writes, reads = WORKLOADS["DaemonSet"].writes, WORKLOADS["DaemonSet"].reads
    promoted = at(Phase.SUCCEEDED, reads.revision(old), reads.revision(old), **OF_A_DAEMON_SET)
    it.update(CANARY, News([promoted]))
    for patch in ({}, writes.scaled(old, 0), writes.frozen(old)):
        assert it.update(DAEMON_SET, News([merged(old, patch or {})])) == [KEY]
        assert it.event_for(KEY) is None
    new = daemon_set("registry/shop:1.0.0")
    it.update(DAEMON_SET, News([merged(new, writes.scaled(new, 0) or {})]))
    event = it.event_for(KEY)
    assert event is not None
    assert (event.revision, event.version) == (reads.revision(new), "1.0.0")
    assert it.event_for(KEY) is None


def test_another_kind_s_workload_of_the_same_name_is_not_the_target() -> None:
    """A Deployment and a DaemonSet may share a name."""
    it = watching(at(Phase.SUCCEEDED, **OF_A_DAEMON_SET), deployment())
    assert it.event_for(KEY) is None
    assert it.update(DEPLOYMENT, News([deployment("registry/shop:2.0.0")])) == []
    it.update(DEPLOYMENT, News([], whole=True))
    assert it.update(DAEMON_SET, News([daemon_set()])) == [KEY]
    assert it.event_for(KEY) is not None


def test_what_is_gone_needs_nothing() -> None:
    """A deleted Canary, a deleted target, and those that a whole list no longer has."""
    for kind, item in ((CANARY, canary_manifest()), (DEPLOYMENT, deployment())):
        it = watching(canary_manifest(), deployment())
        it.update(kind, News([item], gone=True))
        assert it.event_for(KEY) is None
        it = watching(canary_manifest(), deployment())
        it.update(kind, News([], whole=True))
        assert it.event_for(KEY) is None


def of(namespace: str, item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


@pytest.mark.parametrize("namespaces", [("a", "b"), ("a", "b", "c"), ("c", "b", "a")], ids=" ".join)
def test_each_watched_namespace_is_known(namespaces: tuple[str, ...]) -> None:
    """With one watch a namespace, the list of one says nothing about the others: each has its Canary and its target."""
    it = watching()
    for space in namespaces:
        it.update(CANARY, News([of(space, canary_manifest())], whole=True), space)
    for space in namespaces:
        it.update(DEPLOYMENT, News([of(space, deployment())], whole=True), space)
    events = [it.event_for((space, NAME)) for space in namespaces]
    assert [event and event.namespace for event in events] == list(namespaces)
    it.update(CANARY, News([], whole=True), namespaces[0])
    assert [space for space, _ in it.canaries] == list(namespaces[1:])


async def sent(it: Watcher) -> list[Event]:
    while it.announcer.sending:
        await asyncio.gather(*it.announcer.sending)
    return it.announcer.post.events  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    "spec",
    [{"service": {"port": -1}}, {"targetRef": {"kind": "CronJob"}}],
    ids=["a field", "an unknown kind of target"],
)
async def test_an_invalid_canary_starts_a_run_that_tells_its_fault(spec: dict[str, Any]) -> None:
    """The error appears where people look, and what was known of the Canary before is forgotten."""
    it = watching(canary_manifest(), deployment())
    it.update(CANARY, News([canary_manifest(spec)]))
    assert it.event_for(KEY) is None
    assert [event.version for event in await sent(it) if isinstance(event, TargetChanged)] == ["invalid"]


async def test_an_event_that_nobody_takes_is_told_until_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect may be away: the event waits, and is not told twice."""
    monkeypatch.setattr(announcer, "FIRST_PAUSE", 0.001)
    it = watching(at(Phase.SUCCEEDED), deployment())
    it.announcer.post = Post(refusals=4)
    it._look(KEY)
    it._look(KEY)
    assert len(await sent(it)) == 1


@pytest.mark.lab
async def test_a_new_image_on_a_real_cluster_is_one_event(lab_env: dict[str, Any]) -> None:
    """What `kubectl set image` changes is told once, whatever else happens to the objects meanwhile."""
    namespace, post = f"watcher-{uuid4().hex[:6]}", Post()
    cluster = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
    settings = Settings(kubeconfig=lab_env["kubeconfig"], context=lab_env["context"], namespaces=(namespace,))
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    meta = {"name": NAME, "namespace": namespace, "labels": {"app": NAME}}
    target = await cluster.create({**deployment(replicas=0), "metadata": meta})
    manifest = canary_manifest()
    await cluster.create({**manifest, "metadata": {"name": NAME, "namespace": namespace}})
    status = {"phase": "Succeeded", "lastPromotedSpec": revision_of(target), "lastAppliedSpec": revision_of(target)}
    await cluster.patch(CANARY, NAME, namespace, {"status": status}, subresource="status")
    watcher = asyncio.create_task(watch(settings, post))
    try:
        container = {"name": "shop", "image": "registry/shop:2.0.0"}
        template = {"spec": {"template": {"spec": {"containers": [container]}}}}
        await cluster.patch(DEPLOYMENT, NAME, namespace, template)
        async with asyncio.timeout(PATIENCE):
            while not post.events:
                await asyncio.sleep(0.02)
        await cluster.patch(DEPLOYMENT, NAME, namespace, {"metadata": {"labels": {"more": "news"}}})
        await cluster.patch(CANARY, NAME, namespace, {"status": {"canaryWeight": 0}}, subresource="status")
        container["image"] = "registry/shop:3.0.0"
        await cluster.patch(DEPLOYMENT, NAME, namespace, template)
        async with asyncio.timeout(PATIENCE):
            while len(post.events) < 2:
                await asyncio.sleep(0.02)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        await cluster.delete(NAMESPACE, namespace)
        await cluster.close()
    assert [event.version for event in post.events if isinstance(event, TargetChanged)] == ["2.0.0", "3.0.0"]
