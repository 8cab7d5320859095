"""Whole rollouts on a cluster that gives just the rights of the table, and on one that lacks one of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.kubernetes import informers
from blocks.kubernetes.cluster import Change, Kind
from blocks.kubernetes.kinds import AUTOSCALER_KINDS, WORKLOAD_KINDS
from deployments.rights.part import Part
from deployments.rights.right import Right, Where
from deployments.rights.table import RIGHTS, rights_of
from flows import roll_out as story
from sluice.errors import SluiceError, TerminalError
from sluice.rollout.decision import Outcome
from tasks.rollout import finalise, initialise, promote, roll_back
from tasks.scene import rollout_ref
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, NEWER, World, one_run
from tests.memory_cluster import KINDS as MEMORY_KINDS
from tests.memory_cluster import MemoryCluster
from tests.samples import NAME, NAMESPACE, workload
from tests.virtual_time import in_no_time

Object = dict[str, Any]
KINDS = MEMORY_KINDS | WORKLOAD_KINDS
Asked = tuple[str, str, str]
"""Verb, plural, subresource."""
WITHIN = 30.0
"""Seconds that a rollout which cannot go on is watched for, doing nothing, by a clock that moves meanwhile."""


def asked_by(rights: list[Right]) -> set[Asked]:
    return {(verb, right.kind.plural, right.subresource) for right in rights for verb in right.verbs}


GIVEN = asked_by([right for where in Where for right in rights_of((Part.WORKER,), where)])


@dataclass
class Guarded(MemoryCluster):
    """A cluster with RBAC: what is not given is refused in the API server's words.

    Attributes:
        allowed: what may be done.
        used: what was asked for.
    """

    allowed: set[Asked] = field(default_factory=lambda: set(GIVEN))
    used: set[Asked] = field(default_factory=set)

    def ask(self, verb: str, kind: Kind, subresource: str = "") -> None:
        self.used.add((verb, kind.plural, subresource))
        if (verb, kind.plural, subresource) not in self.allowed:
            resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
            raise TerminalError(f'403: User "sluice-worker" cannot {verb} resource "{resource}"')

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        self.ask("get", kind)
        return await super().get(kind, name, namespace)

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        self.ask("get", kind)
        return await super().find(kind, name, namespace)

    async def list_from(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> tuple[list[Object], str]:
        self.ask("list", kind)
        return await super().list_from(kind, namespace, labels)

    async def watch(
        self, kind: Kind, resource_version: str, namespace: str | None = None, labels: str | None = None
    ) -> AsyncIterator[Change]:
        self.ask("watch", kind)
        async for change in super().watch(kind, resource_version, namespace, labels):
            yield change

    async def apply(self, manifest: Object, *, manager: str = "sluice", force: bool = True) -> Object:
        self.ask("patch", KINDS[manifest["kind"]])
        if self._key(manifest) not in self.objects:
            self.ask("create", KINDS[manifest["kind"]])
        return await super().apply(manifest, manager=manager, force=force)

    async def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Object, *, subresource: str | None = None
    ) -> Object:
        self.ask("patch", kind, subresource or "")
        before = set(self.allowed)
        self.allowed |= {("get", kind.plural, "")}  # the server reads what it patches itself
        try:
            return await super().patch(kind, name, namespace, body, subresource=subresource)
        finally:
            self.allowed = before

    async def create(self, manifest: Object) -> Object:
        self.ask("create", KINDS[manifest["kind"]])
        return await super().create(manifest)

    async def replace(self, kind: Kind, manifest: Object) -> Object:
        self.ask("update", kind)
        before = set(self.allowed)
        self.allowed |= {("get", kind.plural, "")}
        try:
            return await super().replace(kind, manifest)
        finally:
            self.allowed = before

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        self.ask("delete", kind)
        await super().delete(kind, name, namespace)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits: draining and pauses are tried on the lab."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0.05)
    monkeypatch.setattr(informers, "SYNC_WITHIN", 0.1)
    monkeypatch.setattr(rollout_ref, "LEASE_LOOK", 0.01)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))


def world(kind: str = "Deployment", *, compared: bool = False) -> World:
    """A Canary of a target of this kind, on a guarded cluster."""
    it = World(stops_at=0, compared=compared)
    guarded = Guarded(objects=it.cluster.objects, version=it.cluster.version)
    del guarded.objects[("Deployment", NAMESPACE, NAME)]
    guarded.add(workload(kind))
    canary = guarded.now("Canary", NAME, NAMESPACE)
    canary["spec"]["targetRef"]["kind"] = kind
    it.cluster = guarded
    return it


def push(it: World, kind: str, image: str) -> None:
    """Another image on the target."""
    target = it.cluster.now(kind, NAME, NAMESPACE)
    template = workload(kind, image)["spec"]["template"]
    it.cluster.add({**target, "spec": {**target["spec"], "template": template}})


def shifted(it: World) -> list[int]:
    """The canary's weights, one after the other."""
    weights: list[int] = []

    def note(when: str, verb: str, item: Object) -> None:
        if (when, item["kind"]) == ("after", "HTTPRoute"):
            weights.append(item["spec"]["rules"][0]["backendRefs"][1]["weight"])

    it.cluster.hooks.append(note)
    return weights


async def released(it: World, kind: str) -> list[Outcome]:
    """A good release, and a bad one."""
    async with connected(it.cluster, "worker", **it.parts()):
        outcomes = [await one_run("initialise")]
        push(it, kind, NEW)
        outcomes.append(await one_run("good"))
        it.good = False
        push(it, kind, NEWER)
        outcomes.append(await one_run("bad"))
    return outcomes


STORIES = [("Deployment", False), ("Deployment", True), ("DaemonSet", False)]


@pytest.mark.parametrize(("kind", "compared"), STORIES)
def test_the_rights_of_the_table_are_enough_for_a_promotion_and_a_rollback(kind: str, compared: bool) -> None:
    """Nothing that a rollout asks for is refused."""
    it = world(kind, compared=compared)
    outcomes = in_no_time(lambda: released(it, kind))
    assert outcomes[1:] == [Outcome.PROMOTED, Outcome.ROLLED_BACK]
    guarded: Any = it.cluster
    assert guarded.used <= GIVEN


@pytest.mark.parametrize("scaler", AUTOSCALER_KINDS)
def test_the_rights_of_the_table_are_enough_where_an_autoscaler_is_copied(scaler: str) -> None:
    """Nobody lists or watches autoscalers: their status changes all the time."""
    it, kind = world(), AUTOSCALER_KINDS[scaler]
    reference = {"apiVersion": kind.api_version, "kind": kind.kind, "name": NAME}
    it.cluster.now("Canary", NAME, NAMESPACE)["spec"]["autoscalerRef"] = reference
    meta, spec = {"name": NAME, "namespace": NAMESPACE}, {"scaleTargetRef": {"name": NAME}}
    it.cluster.add({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, "spec": spec})
    assert in_no_time(lambda: released(it, "Deployment"))[1:] == [Outcome.PROMOTED, Outcome.ROLLED_BACK]
    assert (
        it.cluster.now(kind.kind, f"{NAME}-primary", NAMESPACE)["spec"]["scaleTargetRef"]["name"] == f"{NAME}-primary"
    )
    guarded: Any = it.cluster
    assert guarded.used <= GIVEN
    assert ("create", kind.plural, "") in guarded.used


ROLLOUT = sorted(
    one for one in GIVEN if one[1] in {right.kind.plural for right in RIGHTS if "fluxcd" not in right.group}
)


SPARED = {
    ("create", "auditrecords", ""),
    ("delete", "leases", ""),
    ("get", "leases", ""),
    ("get", "canaries", ""),
    ("watch", "auditrecords", ""),
    ("watch", "canaries", ""),
    ("watch", "freezes", ""),
    ("watch", "gates", ""),
    ("watch", "httproutes", ""),
    ("watch", "leases", ""),
    ("watch", "services", ""),
    ("watch", "trains", ""),
}
"""Asked for, and a release ends well without: lists are made again where a watch is refused, only later."""
OFFERED_HERE = {("list", "endpointslices", ""), ("watch", "endpointslices", "")}
"""Followed, and not decided by here: the Services of this cluster offer their pods at once. Tried on the lab."""
FOUND_LATE = {("get", "metrictemplates", "")}
"""What the first step finds out: the release is rolled back from its first weight."""


async def tried(it: World) -> list[Outcome | str]:
    """What becomes of a release; one that cannot go on is watched for a while."""
    came: list[Outcome | str] = []

    async def to_its_end() -> None:
        async with connected(it.cluster, "worker", **it.parts()):
            for name in ("initialise", "release"):
                came.append(await one_run(name))
                push(it, "Deployment", NEW)

    with suppress(TimeoutError):
        try:
            await asyncio.wait_for(to_its_end(), WITHIN)
        except SluiceError as error:
            came.append(str(error))
    return came


@pytest.mark.parametrize("lacking", ROLLOUT, ids=lambda one: " ".join(filter(None, one)))
def test_without_a_right_no_user_is_moved_and_it_is_named(lacking: Asked, caplog: pytest.LogCaptureFixture) -> None:
    """In the release's own reason, in the Canary or in the log. A release that can do without is judged as always."""
    it = world(compared=True)
    guarded: Any = it.cluster
    guarded.allowed = GIVEN - {lacking}
    weights = shifted(it)
    caplog.set_level(logging.WARNING)
    came = in_no_time(lambda: tried(it))
    if came == [Outcome.INITIALISED, Outcome.PROMOTED]:
        assert lacking not in guarded.used or lacking in SPARED | OFFERED_HERE
        assert weights[-1] == 0
        return
    verb, plural, subresource = lacking
    resource = f"{plural}/{subresource}" if subresource else plural
    said = f"{came} {caplog.text} {it.cluster.now('Canary', NAME, NAMESPACE).get('status')}"
    assert f'cannot {verb} resource "{resource}"' in said
    assert max(weights, default=0) <= (10 if lacking in FOUND_LATE else 0), f"users were moved: {weights}"
    assert not weights or weights[-1] == 0
