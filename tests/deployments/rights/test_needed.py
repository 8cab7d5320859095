"""No right is given that no act of sluice needs: each is asked for while a part does its work."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from blocks.kubernetes import kinds
from deployments.rights.table import RIGHTS
from deployments.watchers.releases import MODELS as OF_RELEASES
from deployments.watchers.sources import FOLLOWERS, MODELS
from sluice.rollout.autoscalers.scaled_object import PAUSED
from sluice.rollout.decision import Action, Decision
from tasks import run_signals
from tasks.rollout.scale_up import scale_up
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.deployments.keeper.test_keeper import kept, whole
from tests.deployments.rights.test_rollouts import (  # noqa: F401 - `hurried` is for each test of a module that has it
    GIVEN,
    STORIES,
    Asked,
    Guarded,
    hurried,
    released,
    world,
)
from tests.deployments.rights.test_table import NAMED, sources
from tests.samples import NAME
from tests.tasks.conftest import NEW_IMAGE, Stage, parts, staged
from tests.tasks.scene import test_autoscaler as autoscalers
from tests.tasks.scene import test_scaled_object as keda
from tests.tasks.scene import test_tend as tending

Object = dict[str, Any]
OF_OTHERS = {("update", "canaries", "finalizers")}
"""Asked by an admission plugin of other clusters, in the name of who makes an object with an owner."""
CALLS: dict[str, str] = {
    "get": r"(cluster|home)\.(get|find)\(\s*{kind}\b|= SECRET if .* else {kind}\b",
    "list": r"(cluster\.list|informers\.listed|\bgiven)\(\s*{kind}\b|_follow\({kind}\b",
    "watch": r"(_follow|informers\.list|informers\.given)\({kind}\b|\bfollow\(self\.cluster, {kind}\b",
    "patch": r"(cluster\.patch|write|_write_status)\(\s*{kind}\b",
}
"""How code asks for what a delivery is made of: sources, policies, Secrets. Of most of it only the status is written."""
BY_TABLE: dict[str, str] = {
    "get": r"cluster\.get\(row\.kind\b",
    "list": r"cluster\.list\(row\.kind\b|_awake\(informers\.given, SOURCES\.values\(\)\)",
    "watch": r"for kind in \(\*MODELS, \*FOLLOWERS\)",
    "patch": r"cluster\.patch\(kind, source\.name\b",
}
"""How code asks for the kinds of a table, of sources and of what follows them."""
SINGLE = {
    ("patch", "kustomizations", ""): r"home\.patch\(KUSTOMIZATION, one\.name, one\.namespace, body\)",
    ("patch", "helmreleases", ""): r"cluster\.patch\(HELM_RELEASE, release\.name, release\.namespace, change\)",
    ("patch", "imagepolicies", ""): r"cluster\.patch\(\s*IMAGE_POLICY, key\.",
    ("patch", "imageupdateautomations", ""): r"cluster\.patch\(IMAGE_UPDATE_AUTOMATION, now\.name, now\.namespace, \{",
    ("watch", "events", ""): r"follow\(self\.cluster, EVENT, self\.hear",
    ("patch", "events", ""): r"cluster\.patch\(EVENT, meta\[",
    ("patch", "trains", ""): r"cluster\.patch\(TRAIN, train\.name, train\.namespace, change\)",
    ("get", "statefulsets", ""): r"cluster\.get\(READ\[kind\], name, namespace\)",
}
"""What is written besides the status, such as a finalizer or the versions that stay out, and what is read by a table; each
with its call."""
OF_HELM = {("list", "secrets", ""), ("patch", "secrets", "status")}
"""Helm's record of releases, which deployments/kubernetes/components/helm gives, with what helm itself needs."""
OF_GATES = {("patch", "configmaps", "status")}
"""What is open by the gate API, which deployments/kubernetes/components/gates gives by name, to the receiver."""
OF_DELIVERY = {kinds.SECRET, kinds.CONFIG_MAP, kinds.NAMESPACE, kinds.SERVICE_ACCOUNT}
DELIVERY = (
    {kind for kind in NAMED.values() if "fluxcd" in kind.api_version} - {kinds.RECEIVER}
    | OF_DELIVERY
    | {kinds.FLAG_ROLLOUT, kinds.FLAG_AUDIT, kinds.TRAIN, kinds.FREEZE}
)
"""Receivers are the receiver's, which has rights of its own: see tests/deployments/doors/test_hook_rights.py."""


def guarded(stage: Stage) -> Guarded:
    """The stage on a cluster that notes what it is asked for."""
    cluster = Guarded(objects=stage.cluster.objects, version=stage.cluster.version)
    cluster.broken_images = stage.cluster.broken_images
    cluster.watchers = stage.cluster.watchers
    stage.cluster = cluster
    stage.route.cluster = cluster
    return cluster


def rollouts() -> set[Asked]:
    """Good and bad ones, of each kind of target, alone and with a baseline."""
    used: set[Asked] = set()
    for kind, compared in [*STORIES, ("DaemonSet", True)]:
        it = world(kind, compared=compared)
        asyncio.run(released(it, kind))
        used |= getattr(it.cluster, "used", set())
    return used


def an_autoscaler_that_is_copied_and_changed() -> set[Asked]:
    stage = autoscalers.autoscaled()
    cluster = guarded(stage)
    autoscalers.tended(stage)
    cluster.add(autoscalers.scaler(maxReplicas=20))
    autoscalers.tended(stage)
    return cluster.used


def an_autoscaler_that_rests_and_wakes() -> set[Asked]:
    stage = staged(replicas=0, weight=0)
    cluster = guarded(stage)
    keda.scaled(stage, **{PAUSED: "0"})
    autoscalers.tended(stage)
    played(stage, scale_up)
    return cluster.used


def primaries_that_were_deleted() -> set[Asked]:
    used: set[Asked] = set()
    for kind in kinds.WORKLOAD_KINDS:
        stage = tending.lost(tending.released(kind))
        cluster = guarded(stage)
        tending.tended(stage)
        used |= cluster.used
    return used


def pods_that_do_not_become_ready() -> set[Asked]:
    stage = staged({"progressDeadlineSeconds": 0.05}, replicas=0, weight=0)
    stage.cluster.broken_images.add(NEW_IMAGE)
    cluster = guarded(stage)
    played(stage, scale_up)
    return cluster.used


def played(stage: Stage, task: Any) -> None:
    """A stage of a rollout, as if that had been decided."""

    async def it() -> None:
        run_signals.bind(stage.signals)
        async with asyncio.timeout(20), connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
            await task.fn(stage.ref, Decision(Action.WAIT))

    asyncio.run(it())


def a_canary_that_is_to_be_reverted_on_deletion() -> set[Asked]:
    stage = tending.at_rest()
    stage.change("Canary", NAME, {"spec": {"revertOnDeletion": True}})
    return kept_right(stage, lambda: None)


def what_was_put_right() -> set[Asked]:
    stage = tending.at_rest()
    return kept_right(stage, lambda: tending.lost(stage))


def kept_right(stage: Stage, happens: Callable[[], object]) -> set[Asked]:
    """What the keeper asks for, of a Canary that something happens to."""
    cluster = guarded(stage)

    async def it() -> None:
        await whole(stage)
        async with kept(stage):
            happens()

    asyncio.run(it())
    return cluster.used


def deliveries() -> set[Asked]:
    """By the words of the code, since a delivery asks for kinds by their names."""
    code = "\n".join(text for _, text in sources())
    found: set[Asked] = set()
    for name, kind in NAMED.items():
        if kind not in DELIVERY:
            continue
        for verb, call in CALLS.items():
            if re.search(call.format(kind=name), code):
                found.add((verb, kind.plural, "status" if verb == "patch" else ""))
    if re.search(r"for kind in MODELS:\n +group\.create_task\(self\._follow\(kind\b", code):
        found |= {("watch", one.plural, "") for one in OF_RELEASES}
    rows = {"watch": {*MODELS, *FOLLOWERS}}
    for verb, call in BY_TABLE.items():
        if re.search(call, code):
            found |= {(verb, one.plural, "status" if verb == "patch" else "") for one in rows.get(verb, MODELS)}
    return (found - OF_HELM - OF_GATES) | {asked for asked, call in SINGLE.items() if re.search(call, code)}


ACTS: tuple[Callable[[], set[Asked]], ...] = (
    rollouts,
    an_autoscaler_that_is_copied_and_changed,
    an_autoscaler_that_rests_and_wakes,
    primaries_that_were_deleted,
    pods_that_do_not_become_ready,
    a_canary_that_is_to_be_reverted_on_deletion,
    what_was_put_right,
    deliveries,
)


def test_each_right_is_asked_for_by_an_act_and_no_act_asks_for_more() -> None:
    """A right that nothing needs is one that somebody gives for nothing: take the row away, or add the act that needs it."""
    used = {act.__name__: act() for act in ACTS}
    every = set().union(*used.values())
    assert every <= GIVEN, every - GIVEN
    assert GIVEN - every == OF_OTHERS
    assert len(RIGHTS) > 40
