"""What somebody changes in a synced object is seen, reported once with who and what, and put back as the policy says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

from blocks.applied.applied import Applied
from blocks.applied.watches import Watches
from deployments.drift.watcher import DriftWatcher
from sluice.errors import ForbiddenError, TransientError
from sluice.notices.message import Message
from sluice.sync.drift import struggle
from tasks.sync.kustomizations import drift
from tests.memory_cluster import CONFIG_MAP
from tests.owning_cluster import OwningCluster
from tests.samples import canary_manifest, deployment
from tests.tasks.sync.delivered import TEAM, Delivered, config, delivering

Object = dict[str, Any]
AT_ONCE, REPORT_ONLY = {"sluice.dev/drift": "at-once"}, {"sluice.dev/drift": "report-only"}


@dataclass
class Chat:
    """A channel."""

    said: list[Message] = field(default_factory=list)

    async def say(self, message: Message) -> None:
        self.said.append(message)


@dataclass
class World:
    """A Kustomization that is applied and watched."""

    git: Delivered
    cluster: OwningCluster
    watcher: DriftWatcher
    chat: Chat

    def edit(self, name: str, change: Object, manager: str = "kubectl-edit", kind: str = "ConfigMap") -> None:
        self.cluster.edit(kind, name, TEAM, change, manager)

    def value(self, name: str) -> Any:
        found = self.cluster.objects.get(("ConfigMap", TEAM, name))
        return found["data"] if found else None

    def events(self, *reasons: str) -> list[str]:
        reasons = reasons or ("Drift", "DriftCorrected", "Contested")
        found = [one for (kind, *_), one in self.cluster.objects.items() if kind == "Event"]
        return [f"{one['reason']}: {one['message']}" for one in found if one["reason"] in reasons]

    async def quiet(self) -> None:
        """Return when nothing is left to do soon."""
        calm = 0
        while calm < 12:
            await asyncio.sleep(0.02)
            soon = [at for at in self.watcher._due.values() if at < asyncio.get_running_loop().time() + 0.5]
            calm = 0 if self.watcher._busy or soon else calm + 1


@asynccontextmanager
async def watched(*objects: Object, annotations: Object | None = None, **spec: Any) -> AsyncIterator[World]:
    cluster, chat = OwningCluster(), Chat()
    it: Any = cluster
    watches = Watches(it)
    async with asyncio.timeout(30), delivering(cluster, applied=Applied(watches=watches), chat=chat) as git:
        git.commit(*objects)
        git.kustomization(annotations=annotations, **spec)
        await git.sync()

        async def source_for(*_: Any) -> Delivered:
            return git

        with patch.object(drift, "source_for", source_for):
            from blocks.connections import connections

            watcher = DriftWatcher.of(connections())
            task = asyncio.create_task(watcher.keep())
            world = World(git, cluster, watcher, chat)
            try:
                while watches.fresh(CONFIG_MAP, TEAM) is None:
                    await asyncio.sleep(0.01)
                await world.quiet()
                yield world
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await watches.close()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployments.drift.watcher.TOGETHER", 0.02)


async def test_at_rest_nothing_is_asked_and_nothing_said() -> None:
    """What others write into their own fields is no reason to look."""
    async with watched(config("a"), config("b"), annotations=AT_ONCE) as world:
        world.cluster.asked.clear()
        world.edit("a", {"data": {"theirs": "1"}}, "a-controller")
        world.edit("a", {"metadata": {"annotations": {"leader": "me"}}}, "a-controller")
        await world.quiet()
        assert world.cluster.requests() == 0
        assert (world.events(), world.chat.said) == ([], [])


@pytest.mark.parametrize(
    ("annotations", "left", "does"),
    [
        (AT_ONCE, "1", "it is put back now"),
        (None, "9", "it is put back at the interval"),
        (REPORT_ONLY, "9", "it stays"),
    ],
    ids=["at once", "at the interval", "report only"],
)
async def test_a_change_by_hand_is_reported_once_and_put_back_by_policy(
    annotations: Object | None, left: str, does: str
) -> None:
    """With what, by whom and when; as an Event and in chat."""
    async with watched(config("a"), config("b"), annotations=annotations) as world:
        world.edit("a", {"data": {"value": "9"}})
        await world.quiet()
        assert world.value("a") == {"value": left}
        (said,) = world.events("Drift")
        assert "ConfigMap team/a: data.value is 9, git says 1 (kubectl-edit, 2026-11-27T12:" in said
        assert does in said
        (message,) = world.chat.said
        assert (message.subject, message.facts) == ("team/app", {"by": "kubectl-edit"})
        assert len(world.events("DriftCorrected")) == (annotations == AT_ONCE)
        # The next sync that is not about this change finds it too, and says nothing once more.
        world.edit("b", {"data": {"theirs": "1"}}, "a-controller")
        await world.quiet()
        assert len(world.events("Drift")) == 1


@pytest.mark.parametrize(("annotations", "left"), [(None, "1"), (REPORT_ONLY, "9")], ids=["interval", "report only"])
async def test_at_the_interval_it_is_put_back_unless_it_is_to_stay(annotations: Object | None, left: str) -> None:
    """What git changes is applied in any case."""
    async with watched(config("a"), config("b"), annotations=annotations) as world:
        world.edit("a", {"data": {"value": "9"}})
        await world.quiet()
        await world.git.sync(reapply=True)
        assert world.value("a") == {"value": left}
        world.git.commit(config("a"), config("b", "2"))
        await world.git.sync()
        assert (world.value("a"), world.value("b")) == ({"value": left}, {"value": "2"})
        world.git.commit(config("a", "3"), config("b", "2"))
        await world.git.sync()
        assert world.value("a") == {"value": "3"}


async def test_what_somebody_deletes_is_made_again() -> None:
    """Who it was nobody can say."""
    async with watched(config("a"), config("b"), annotations=AT_ONCE) as world:
        world.cluster.vanish(CONFIG_MAP, "a", TEAM)
        await world.quiet()
        assert world.value("a") == {"value": "1"}
        assert world.events("Drift") == ["Drift: ConfigMap team/a was deleted: it is put back now"]


async def test_what_a_sync_itself_changes_and_deletes_is_no_drift() -> None:
    """A commit with a new value, a new object and one less."""
    async with watched(config("a"), config("b"), annotations=AT_ONCE) as world:
        world.git.commit(config("a", "2"), config("c"))
        await world.git.sync()
        await world.quiet()
        assert world.git.there() == {"a": {"value": "2"}, "c": {"value": "1"}}
        assert (world.events(), world.chat.said) == ([], [])


@pytest.mark.parametrize(
    "wish", [{"reconcile": "disabled"}, {"ssa": "IfNotPresent"}, {"ssa": "Ignore"}], ids=lambda it: "".join(it.values())
)
async def test_who_wants_an_object_left_alone_is_obeyed(wish: dict[str, str]) -> None:
    """By Flux's annotations in git."""
    annotations = {f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in wish.items()}
    async with watched(config("b"), config("a", annotations=annotations), annotations=AT_ONCE) as world:
        if world.value("a") is None:
            world.cluster.add(config("a"))
        world.edit("a", {"data": {"value": "9"}})
        await world.quiet()
        assert world.value("a") == {"value": "9"}
        assert (world.events(), world.chat.said) == ([], [])


@pytest.mark.parametrize(
    "how", [{"suspend": True}, {"kubeConfig": {"secretRef": {"name": "x"}}}], ids=["suspended", "elsewhere"]
)
async def test_who_is_suspended_or_elsewhere_is_not_looked_after(how: Object) -> None:
    """Nothing of it is watched."""
    async with watched(config("a"), annotations=AT_ONCE) as world:
        item = world.cluster.now("Kustomization", "app", TEAM)
        world.cluster.add({**item, "spec": {**item["spec"], **how}})
        await world.quiet()
        world.edit("a", {"data": {"value": "9"}})
        await world.quiet()
        assert world.value("a") == {"value": "9"}
        assert world.events() == []


async def test_a_canary_under_way_is_no_drift() -> None:
    """Its rollout scales the target that git names with two replicas; an image that somebody sets is."""
    target, begun = deployment(), {"phase": "Progressing", "canaryWeight": 10}
    target["metadata"] = {"name": "shop", "namespace": TEAM}
    one = canary_manifest(status=begun)
    one["metadata"]["namespace"] = TEAM
    async with watched(target, config("a"), annotations=AT_ONCE) as world:
        world.cluster.add(one)
        world.edit("shop", {"spec": {"replicas": 7, "paused": True}}, "sluice-rollout", "Deployment")
        await world.quiet()
        assert world.cluster.now("Deployment", "shop", TEAM)["spec"]["replicas"] == 7
        assert world.events() == []


async def test_an_order_to_restart_is_carried_out() -> None:
    """`kubectl rollout restart`: taken away at once, the restart would stop half way (fluxcd/flux2#2526, k9s#3285)."""
    target = deployment()
    target["metadata"] = {"name": "shop", "namespace": TEAM}
    mark = {"kubectl.kubernetes.io/restartedAt": "2026-11-27T12:00:00Z"}
    async with watched(target, config("a"), annotations=AT_ONCE) as world:
        order = {"spec": {"template": {"metadata": {"annotations": mark}}}}
        world.edit("shop", order, "kubectl-rollout", "Deployment")
        await world.quiet()
        await world.git.sync(reapply=True)
        now = world.cluster.now("Deployment", "shop", TEAM)["spec"]["template"]["metadata"]
        assert now["annotations"] == mark
        assert world.events() == []


async def test_replicas_that_leave_git_stay_as_the_autoscaler_has_them() -> None:
    """Who brings an autoscaler takes the number out of git: the pods that users are on stay (fluxcd/flux2#2514)."""
    target = deployment()
    target["metadata"] = {"name": "shop", "namespace": TEAM}
    async with watched(target, config("a")) as world:
        world.edit("shop", {"spec": {"replicas": 7}}, "kube-controller-manager", "Deployment")
        await world.quiet()
        silent = {**target, "spec": {key: value for key, value in target["spec"].items() if key != "replicas"}}
        world.git.commit(silent, config("a"))
        await world.git.sync()
        assert world.cluster.now("Deployment", "shop", TEAM)["spec"]["replicas"] == 7


async def test_an_autoscalers_replicas_are_no_drift_where_git_names_none() -> None:
    """It scales as it likes."""
    target = deployment()
    target["metadata"] = {"name": "shop", "namespace": TEAM}
    del target["spec"]["replicas"]
    async with watched(target, config("a"), annotations=AT_ONCE) as world:
        world.edit("shop", {"spec": {"replicas": 7}}, "kube-controller-manager", "Deployment")
        await world.quiet()
        assert world.cluster.now("Deployment", "shop", TEAM)["spec"]["replicas"] == 7
        assert world.events() == []


async def test_a_controller_that_fights_is_named_once_and_not_fought_for_ever() -> None:
    """Corrections become rare; people are not flooded."""
    async with watched(config("a"), config("b"), annotations=AT_ONCE) as world:
        for number in range(struggle.MOST + 20):
            world.edit("a", {"data": {"value": f"mine {number}"}}, "stubborn-operator")
            await asyncio.sleep(0.15)
        await world.quiet()
        (said,) = world.events("Contested")
        assert "stubborn-operator changes it each time" in said
        assert len(world.events("DriftCorrected")) < struggle.MOST
        assert [one.occasion for one in world.chat.said].count("is fought over") == 1
        assert len(world.chat.said) <= struggle.MOST + 1
        assert world.value("a") == {"value": f"mine {struggle.MOST + 19}"}
        # Others of the same Kustomization are looked after all the same.
        world.edit("b", {"data": {"value": "9"}})
        await world.quiet()
        assert world.value("b") == {"value": "1"}


async def test_a_change_while_the_watch_was_away_is_seen_when_it_is_back() -> None:
    """The list that closes the gap shows it."""
    async with watched(config("a"), annotations=AT_ONCE) as world:
        world.cluster.break_watches(TransientError("away"))
        await asyncio.sleep(0.05)
        world.edit("a", {"data": {"value": "9"}})
        world.cluster.cut = None
        async with asyncio.timeout(10):
            while world.value("a") != {"value": "1"}:
                await asyncio.sleep(0.05)


async def test_a_kind_that_may_not_be_watched_is_looked_at_at_the_interval() -> None:
    """Without the right to list and watch it goes on as before, and does not ask all the time."""
    async with watched(config("a"), annotations=AT_ONCE) as world:
        world.cluster.break_watches(ForbiddenError("no right"))
        await asyncio.sleep(0.5)
        asked = sum(
            number for what, number in world.cluster.asked.items() if what.startswith(("watch Conf", "list Conf"))
        )
        world.cluster.cut = None
        world.edit("a", {"data": {"value": "9"}})
        await asyncio.sleep(0.3)
        assert asked < 6
        assert world.value("a") == {"value": "9"}
        await world.git.sync(reapply=True)
        assert world.value("a") == {"value": "1"}


async def test_a_policy_that_is_none_is_named_and_nothing_is_put_back_at_once() -> None:
    """A spelling mistake must not look like the policy that was meant."""
    async with watched(config("a")) as world:
        item = world.cluster.now("Kustomization", "app", TEAM)
        item["metadata"]["annotations"] = {"sluice.dev/drift": "atonce"}
        world.cluster.add(item)
        await world.quiet()
        world.edit("a", {"data": {"value": "9"}})
        await world.quiet()
        assert world.value("a") == {"value": "9"}
        (said,) = world.events("Drift")
        assert "sluice.dev/drift" in said
        assert "at-once, at-interval, report-only" in said


async def test_one_that_stands_by_knows_what_happened_and_acts_when_its_turn_comes() -> None:
    """Of several workers one looks, reports and puts back; what nobody acted on is not lost with who had the turn."""
    async with watched(config("a"), config("b"), annotations=AT_ONCE) as world:
        world.watcher.acts = False
        world.edit("a", {"data": {"value": "9"}})
        await asyncio.sleep(0.3)
        assert (world.value("a"), world.events("Drift")) == ({"value": "9"}, [])
        turn = asyncio.create_task(world.watcher.act())
        while world.value("a") != {"value": "1"}:
            await asyncio.sleep(0.01)
        await world.quiet()
        assert len(world.events("Drift")) == 1
        turn.cancel()
        await asyncio.gather(turn, return_exceptions=True)
        assert not world.watcher.acts
