"""A life of deliveries: commits, syncs, crashes, refusals and people's hands in any order, and what holds in the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any
from unittest.mock import patch

from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import SluiceError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.record import is_due
from tasks.sync.kustomizations import leave as leaving
from tasks.sync.kustomizations import sync as syncing
from tests.laws.deliveries.territory import REFUSALS, Territory
from tests.laws.town import Crash
from tests.samples import copied
from tests.tasks.sync.delivered import TEAM, Delivered, config, delivering

Object = dict[str, Any]
OWNERS = ("one", "two")
NAMES = ("a", "b", "c", "d", "e")
FOREIGN = ("theirs", "other")
MOST_STEPS, MOST_ROUNDS, MOST_WRITES = 14, 10, 12
NO_REVISION = "none"
DISABLED = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}}
ENABLED = {"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": None}}}
PRUNE = "kustomize.toolkit.fluxcd.io/prune"


class BrokenError(AssertionError):
    """A law is broken."""


@dataclass
class Life:
    """One life.

    Attributes:
        dice: draws all of it.
        git: source and cluster.
        alone: whether one process syncs at a time; else two know nothing of each other but by the cluster.
        told: what happened, for finding out why a law broke.
        aside: what somebody wanted left alone at some time: it stays where it left git meanwhile, as in Flux.
    """

    dice: Random
    git: Delivered
    alone: bool
    told: list[str] = field(default_factory=list)
    aside: set[str] = field(default_factory=set)

    @property
    def cluster(self) -> Territory:
        assert isinstance(self.git.cluster, Territory)
        return self.git.cluster

    # What happens.

    def commit(self, whole: bool = False) -> None:
        """Objects are spread over both directories; a name is in one of them, and may have been in the other before."""
        spread: dict[str, list[Object]] = {owner: [] for owner in OWNERS}
        for name in NAMES:
            owner = self.dice.choice((*OWNERS, None))
            if owner:
                spread[owner].append(config(name, str(self.dice.randint(1, 3))))
        for owner, objects in spread.items():
            kept = config(f"always-{owner}")
            self.git.commit(*objects, kept, path=owner)
        if not whole and self.dice.random() < 0.2:
            self.git.commit(broken="kustomize refuses the source", path=self.dice.choice(OWNERS))

    def nothing_left(self) -> None:
        self.git.commit(path=self.dice.choice(OWNERS))

    def change_by_hand(self) -> None:
        found = self._somebody_s()
        if found:
            change = {"data": {"value": "by hand", self.dice.choice(("extra", "more")): "by hand"}}
            self.cluster.by_hand("ConfigMap", TEAM, found, change, self.dice.choice(("kubectl-edit", "kubectl-set")))

    def delete_by_hand(self) -> None:
        found = self._somebody_s()
        if found:
            self.cluster.vanish(self.cluster.served["v1", "ConfigMap"], found, TEAM)

    def suspend(self) -> None:
        self._by_hand({"spec": {"suspend": True}})

    def resume(self) -> None:
        self._by_hand({"spec": {"suspend": False}})

    def change_spec(self) -> None:
        self._by_hand({"spec": {"force": self.dice.random() < 0.5}})

    def look_away(self) -> None:
        """Somebody wants an object left alone for a while."""
        found = self._somebody_s()
        if found:
            self.cluster.by_hand("ConfigMap", TEAM, found, DISABLED, "kubectl-annotate")
            self.aside.add(found)

    def delete_kustomization(self) -> None:
        name = self.dice.choice(OWNERS)
        meta = self.cluster.objects.get(("Kustomization", TEAM, name))
        if meta is None:
            self.git.kustomization(name, name)
            return
        if meta["metadata"].get("finalizers"):
            meta["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
            self.cluster.add(meta)
        else:
            self.cluster.vanish(KUSTOMIZATION, name, TEAM)

    async def sync(self) -> None:
        """One or two syncs at once, of which one may die or be refused."""
        plan = self.dice.random()
        if plan < 0.3:
            self.cluster.dies_at = (self.dice.randint(1, MOST_WRITES), self.dice.choice(("before", "after")))
        elif plan < 0.6:
            self.cluster.refuses_at, self.cluster.refusal = (
                self.dice.randint(1, MOST_WRITES),
                self.dice.choice(REFUSALS),
            )
        names = [self.dice.choice(OWNERS) for _ in range(self.dice.randint(1, 3))]
        before = {name: self._owned(name) for name in OWNERS}
        ends = await asyncio.gather(*(self._one(name) for name in names), return_exceptions=True)
        self.told.append(f"  {names}: {[str(end)[:90] for end in ends]}")
        self.cluster.dead, self.cluster.dies_at, self.cluster.refuses_at = False, None, None
        for name in OWNERS:
            self._nothing_pruned_after_a_failed_render(name, before[name])

    async def _one(self, name: str) -> str:
        try:
            found = self.cluster.objects.get(("Kustomization", TEAM, name))
            if found is None:
                return "not there"
            if Kustomization.parse(found).leaving:
                # Deleted while suspended: all that it applied stays, as in Flux.
                self.aside |= self._owned(name) if found["spec"].get("suspend") else set()
                return await self.git.leave(name)
            return await self.git.sync(name, reapply=self.dice.random() < 0.5)
        except (SluiceError, Crash) as error:
            return f"{type(error).__name__}: {error}"

    # What holds.

    def _nothing_pruned_after_a_failed_render(self, name: str, before: set[str]) -> None:
        found = self.cluster.objects.get(("Kustomization", TEAM, name))
        if found is None or found["metadata"].get("deletionTimestamp") or not self._is_broken(name):
            return
        gone = before - self._owned(name) - self._owned(next(one for one in OWNERS if one != name))
        if gone:
            raise BrokenError(f"{name} lost {gone} though its source could not be rendered")

    def foreign_is_untouched(self) -> None:
        for name in FOREIGN:
            now = self.cluster.objects.get(("ConfigMap", TEAM, name))
            if now is None or now["data"] != {"value": "theirs"} or now["metadata"].get("labels"):
                raise BrokenError(f"{name}, which is nobody's in git, is {now}")

    async def comes_to_rest(self) -> None:
        """People put right what they did, nothing fails any more: then the cluster is what git says."""
        for name in OWNERS:
            found = self.cluster.objects.get(("Kustomization", TEAM, name))
            if found and found["spec"].get("suspend"):
                self.cluster.by_hand("Kustomization", TEAM, name, {"spec": {"suspend": False}})
        for name in list(self.git.there()):
            self.cluster.by_hand("ConfigMap", TEAM, name, ENABLED, "kubectl-annotate") if name not in FOREIGN else None
        if self.dice.random() < 0.7:
            self.commit(whole=True)
        for _ in range(MOST_ROUNDS):
            before = self._objects()
            for name in OWNERS:
                # What reconcile does: what is due, and at each interval what is not.
                end = await self._at_interval(name)
                self.told.append(f"  rest {name}: {end[:120]}")
            if self._objects() == before:
                return
        raise BrokenError("it never comes to rest")

    async def _at_interval(self, name: str) -> str:
        found = self.cluster.objects.get(("Kustomization", TEAM, name))
        if found is None:
            return "not there"
        try:
            if Kustomization.parse(found).leaving:
                # Deleted while suspended: all that it applied stays, as in Flux.
                self.aside |= self._owned(name) if found["spec"].get("suspend") else set()
                return await self.git.leave(name)
            return await self.git.sync(name, reapply=True)
        except SluiceError as error:
            return f"{type(error).__name__}: {error}"

    def the_cluster_is_what_git_says(self) -> None:
        wanted: dict[str, str] = {}
        unknown: set[str] = set()
        for name in OWNERS:
            there = ("Kustomization", TEAM, name) in self.cluster.objects
            if there and (self._is_broken(name) or not self.git.commits[-1].get(name) or self._waits_for_another(name)):
                unknown |= self._owned(name)
            elif there:
                wanted |= {one["metadata"]["name"]: one["data"]["value"] for one in self.git.commits[-1][name]}
        now = {name: held for name, held in self.git.there().items() if name not in FOREIGN}
        for name, value in wanted.items():
            if now.get(name) != {"value": value} and name not in unknown:
                raise BrokenError(f"{name} is {now.get(name)} and git says {value}")
        left = set(now) - set(wanted) - unknown - self.aside
        if left:
            raise BrokenError(f"{left} are in no directory of git, and in the cluster")

    def each_says_how_it_ended(self) -> None:
        for name in OWNERS:
            if ("Kustomization", TEAM, name) not in self.cluster.objects:
                continue
            one = Kustomization.parse(self.cluster.now("Kustomization", name, TEAM))
            status, reason, _ = self.git.condition(name=name)
            if self._waits_for_another(name) or (not self.git.commits[-1].get(name) and status == "True"):
                continue
            if self._is_broken(name) or not self.git.commits[-1].get(name):
                if (status, reason) != ("False", "BuildFailed") or not is_due(one, self.git.revision):
                    raise BrokenError(f"{name} cannot be rendered and says {status} {reason}")
            elif status != "True" or one.status.last_applied_revision != self.git.revision:
                raise BrokenError(f"{name} says {status} {reason} {self.git.condition(name=name)[2]}")
            elif is_due(one, self.git.revision):
                raise BrokenError(f"{name} is at rest and due")
            ends = [(each.digest, each.last_reconciled_status) for each in one.status.history]
            if len(set(ends)) != len(ends):
                raise BrokenError(f"{name} has two outcomes of one rendering: {ends}")

    def _objects(self) -> Object:
        """All that is delivered, with its version, and what Kustomizations there are."""
        return {
            key: item["metadata"]["resourceVersion"] if key[0] == "ConfigMap" else item["spec"]
            for key, item in self.cluster.objects.items()
            if key[0] in ("ConfigMap", "Kustomization")
        }

    def _waits_for_another(self, name: str) -> bool:
        """Whether an object moved here from one that cannot let go of it, because its own directory is broken or empty."""
        other = next(one for one in OWNERS if one != name)
        stuck = self._is_broken(other) or not self.git.commits[-1].get(other)
        return stuck and "is applied by Kustomization" in self.git.condition(name=name)[2]

    def _is_broken(self, name: str) -> bool:
        return isinstance(self.git.commits[-1].get(name), str)

    def _owned(self, name: str) -> set[str]:
        label = "kustomize.toolkit.fluxcd.io/name"
        return {
            key[2]
            for key, item in self.cluster.objects.items()
            if key[0] == "ConfigMap" and (item["metadata"].get("labels") or {}).get(label) == name
        }

    def _somebody_s(self) -> str | None:
        names = sorted(name for name in self.git.there() if name not in FOREIGN)
        return self.dice.choice(names) if names else None

    def _by_hand(self, change: Object) -> None:
        name = self.dice.choice(OWNERS)
        if ("Kustomization", TEAM, name) in self.cluster.objects:
            self.cluster.by_hand("Kustomization", TEAM, name, change)


def lived(seed: str) -> None:
    """Live the life of a seed.

    Raises:
        BrokenError: a law; the message has all that happened.
    """
    asyncio.run(_lived(seed))


async def _lived(seed: str) -> None:
    dice = Random(seed)
    logging.getLogger("sluice").setLevel(logging.CRITICAL)
    async with delivering(cluster=Territory(dice=dice)) as git:
        life = Life(dice, git, alone=dice.random() < 0.5)
        for name in FOREIGN:
            git.cluster.add({**copied(config(name, "theirs"))})
        for owner in OWNERS:
            git.kustomization(owner, owner)
        life.commit()
        acts: list[Callable[[], Any]] = [
            life.commit,
            life.commit,
            life.change_by_hand,
            life.delete_by_hand,
            life.suspend,
        ]
        acts += [
            life.resume,
            life.resume,
            life.change_spec,
            life.look_away,
            life.delete_kustomization,
            life.nothing_left,
        ]
        with ExitStack() as stack:
            if not life.alone:
                # Two processes: each has turns of its own.
                for module in (syncing, leaving):
                    stack.enter_context(patch.object(module, "turn", lambda _: asyncio.Lock()))
            try:
                for _ in range(dice.randint(2, MOST_STEPS)):
                    act = life.sync if dice.random() < 0.5 else dice.choice(acts)
                    life.told.append(act.__name__)
                    done = act()
                    if asyncio.iscoroutine(done):
                        await done
                    life.foreign_is_untouched()
                await life.comes_to_rest()
                life.foreign_is_untouched()
                life.the_cluster_is_what_git_says()
                life.each_says_how_it_ended()
            except BrokenError as law:
                raise BrokenError(f"{seed}: {law}\n" + "\n".join(life.told)) from None
