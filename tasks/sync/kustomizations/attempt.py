"""One attempt to bring a Kustomization to what its source says now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.applied.ledger import Ledger, place_of
from blocks.applied.sight import Sight
from blocks.connections import Connections
from blocks.kubernetes.cluster import Cluster
from blocks.sources.table import origin_of, source_for
from sluice.errors import InvalidError, SluiceError, TransientError
from sluice.manifests.ignoring import refuse_rules
from sluice.sync import record
from sluice.sync.applying.wishes import ends_itself, left_alone
from sluice.sync.drift.policy import Policy, policy_or_default
from sluice.sync.inventory import departed, entry_id
from sluice.sync.kustomizations.health_checks import refuse_expressions
from sluice.sync.kustomizations.history import digest_of, remembered
from sluice.sync.objects import ObjectId, identity
from tasks.sync.applying.apply import apply
from tasks.sync.applying.needed import needed
from tasks.sync.applying.owner import Owner
from tasks.sync.applying.place import placed
from tasks.sync.applying.prune import hand_over, prune
from tasks.sync.applying.refused import refusals_explained
from tasks.sync.applying.wanted import Wanting
from tasks.sync.fetch_source import Fetched
from tasks.sync.kustomizations.claims import Claims
from tasks.sync.kustomizations.dependencies import unmet
from tasks.sync.kustomizations.health import Check, Superseded, healthy
from tasks.sync.kustomizations.leave import keep
from tasks.sync.kustomizations.reporting import NOW, forget, reported
from tasks.sync.kustomizations.status import OvertakenError, Status, now
from tasks.sync.kustomizations.synced import Synced
from tasks.sync.kustomizations.target import target
from tasks.sync.rendering import render

Object = dict[str, Any]
ALLOW_EMPTY = "sluice.dev/allow-empty"
"""Annotation of a Kustomization, `true`: its source may come to hold nothing, and then all that was applied is deleted."""
GOOD_FOR = 60.0
"""Seconds for which a look at the source may stand for another one: its files are kept for longer."""


@dataclass(slots=True)
class Attempt:
    """One attempt.

    Attributes:
        wired: what this process is connected to.
        status: of the Kustomization.
        reapply: whether it is applied though it was before.
        fetched: the source as this delivery found it.
        ledger: what earlier syncs have left. It holds as long as nobody else writes the Kustomization.
        at: the revision.
        digest: of what was rendered.
        ids: all that the revision has.
        spared: those of them that their users want left alone.
        pruned: what was deleted.
        fleeting: Jobs that may be gone as soon as they are done.
        wrote: whether anything may have been written to the cluster.
    """

    wired: Connections
    status: Status
    reapply: bool
    fetched: Fetched
    ledger: Ledger = field(default_factory=Ledger)
    at: str = ""
    digest: str = ""
    ids: Sequence[ObjectId] = ()
    spared: Collection[ObjectId] = ()
    pruned: Sequence[ObjectId] = ()
    fleeting: frozenset[ObjectId] = frozenset()
    wrote: bool = False
    began: float = field(default_factory=time.monotonic)
    reason: str = record.SOURCE_REFUSED

    async def apply(self) -> Synced | None:
        """Fetch, render, apply and prune; a failure is written down. Returns the end where there is nothing to finish.

        Raises:
            OvertakenError: somebody else wrote to the Kustomization.
            TerminalError, TransientError: it failed.
        """
        of = self.status.of
        owner = (of.kind, of.namespace, of.name)
        self.ledger = self.wired.applied.ledgers.of(owner, of.metadata.resource_version)
        self.ledger.looked = 0.0
        patience = of.spec.timeout
        try:
            async with asyncio.timeout(patience):
                return await self._apply()
        except TimeoutError:
            error: SluiceError = TransientError(f"the sync of {self.status.of} took longer than its spec.timeout")
        except OvertakenError:
            raise
        except SluiceError as failure:
            error = failure
        finally:
            self.ledger.now_at(self.status.version)
        await self._fail(error)
        raise error

    async def finish(self) -> Synced:
        """Wait for the health checks, and write down that all is done."""
        one, said = self.status.of, ""
        check = Check.of(one, [each for each in self.ids if each not in self.spared], self.fleeting)
        if check.objects:
            self.reason = record.HEALTH_FAILED
            try:
                async with target(self.wired, one) as cluster:
                    said = await healthy(cluster, self.status, check, self.at)
            except Superseded as newer:
                return Synced(note=str(newer))
            except SluiceError as error:
                await self._fail(error)
                raise
        await self._write_end(said)
        self.ledger.now_at(self.status.version)
        self.ledger.looked = time.monotonic()
        done = len(self.ids) - len(self.spared)
        return Synced(applied=done, pruned=len(self.pruned), left_alone=len(self.spared))

    async def undo(self) -> None:
        """Delete what was applied for one that was deleted meanwhile, where its deletionPolicy wants that."""
        one = self.status.of
        if self.wrote and one.spec.deletes:
            async with target(self.wired, one) as cluster:
                await prune(cluster, self.ids, Owner(one.namespace, one.name, Claims(self.wired.cluster, one)))

    async def _fail(self, error: SluiceError) -> None:
        await self.status.fail(self.reason, error)
        self.ledger.now_at(self.status.version)
        self.ledger.looked = 0.0

    async def _apply(self) -> Synced | None:
        self.status.of = await keep(self.wired.cluster, self.status.of)
        self.status.version = self.status.of.metadata.resource_version
        one = self.status.of
        self.wired.tenants.refuse_foreign(one.namespace, one.source)
        source = None if self._looked() else await source_for(self.wired, one.source)
        self.at = await source.latest() if source else self.fetched.revision
        if not (self.reapply or record.is_due(one, self.at)):
            return Synced()
        if missing := await unmet(self.wired.cluster, one, self.at):
            await self.status.fail(missing.reason, InvalidError(missing.why), stalled=missing.for_good)
            return Synced(waits=True, note=f"waits: {missing.why}")
        tree = await source.tree(self.at) if source else Path(self.fetched.files)
        self.reason = record.BUILD_FAILED
        refuse_expressions(one.spec.health_check_exprs)
        refuse_rules(one.spec.ignore, "spec.ignore")
        rendered = await render(self.wired, one, tree)
        self.digest = digest_of(rendered)
        async with target(self.wired, one) as cluster:
            await self._bring(cluster, rendered)
        return None

    def _looked(self) -> bool:
        """Whether the source needs no look of its own here.

        What the event names may be old by now: this may be a late retry. Only a look at the source after the Kustomization
        was read cannot undo a newer sync: its writes would have changed the version that fences ours. Where nobody has
        written to the Kustomization since before the look that this delivery began with, that was such a look.
        """
        one, seen = self.status.of, self.fetched
        good = self.ledger.since < seen.looked and time.monotonic() - seen.looked < GOOD_FOR
        return good and seen.key == one.source and bool(seen.files) and Path(seen.files).is_dir()

    async def _bring(self, cluster: Cluster, rendered: Sequence[Object]) -> None:
        """Apply what was rendered, and prune what left."""
        one = self.status.of
        owner = Owner(one.namespace, one.name, Claims(self.wired.cluster, one), one.spec.force)
        everything = await placed(cluster, rendered, one.namespace, one.name)
        self.ids = [identity(each) for each in everything]
        self.fleeting = frozenset(identity(each) for each in everything if ends_itself(each))
        gone = departed(one.status.inventory, self.ids) if one.spec.prune else []
        self._refuse_empty(gone)
        self.reason = record.APPLY_FAILED
        # What is to be left alone is not applied, and stays in the inventory.
        objects = [each for each in everything if not left_alone(each)]
        aside = {identity(each) for each in everything if left_alone(each)}
        sight = await self._look(cluster, objects)
        wanting = Wanting.NOTHING if all(map(sight.settled, objects)) else await Wanting.of(cluster, one.spec.ignore)
        report_only = policy_or_default(one.metadata.annotations) is Policy.REPORT_ONLY
        found = needed(sight, wanting, objects, keep_changes=report_only)
        if sight.findings:
            # Reported by the watch or by this sync, whichever is first; also a change that git overwrites anyway.
            await reported(self.wired, one, sight.findings.values(), "" if report_only else NOW)
        left, gone = gone, await hand_over(cluster, gone, owner)
        if found.writes or left or not self._same_inventory():
            # Intent before act: also the fence of a slower sync, which may be about to write as well.
            let_go = [each for each in left if each not in gone]
            await self.status.write(record.begun(one, self.at, self.ids, now(), let_go))
        self.wrote = bool(found.writes or left) or not self._known()
        self.spared = aside | found.spared | await apply(sight, wanting, found.writes, owner)
        self.reason = record.PRUNE_FAILED
        self.pruned = await prune(cluster, gone, owner, self.ids)
        self.ledger.keep_only({place_of(each) for each in self.ids})
        if not report_only:
            forget(self.wired, one, sight.findings)

    async def _look(self, cluster: Cluster, objects: Sequence[Object]) -> Sight:
        """At all objects; by the watch where this cluster has one, and nobody has asked to look for certain."""
        watches = self.wired.applied.watches if cluster is self.wired.cluster and not self.reapply else None
        nothing_new = not record.is_due(self.status.of, self.at)
        sight = Sight(cluster, self.ledger, watches, nothing_new)
        with refusals_explained({}):
            await sight.look(objects)
        return sight

    def _known(self) -> bool:
        """Whether the status says already that just these objects of this revision are applied."""
        return not record.is_due(self.status.of, self.at) and self._same_inventory()

    def _same_inventory(self) -> bool:
        known = self.status.of.status.inventory.entries
        return {entry_id(one) for one in self.ids} == {entry.id for entry in known}

    def _refuse_empty(self, gone: Sequence[ObjectId]) -> None:
        """A directory that lost its files by mistake must not take everything with it."""
        allowed = self.status.of.metadata.annotations.get(ALLOW_EMPTY, "").casefold() == "true"
        if gone and not self.ids and not allowed:
            raise InvalidError(
                f"the source renders to nothing, and spec.prune would delete all {len(gone)} objects that were applied: "
                f"set the annotation {ALLOW_EMPTY}=true on the Kustomization where that is meant"
            )

    async def _write_end(self, said: str) -> None:
        one = self.status.of
        body = record.applied(one, self.at, self.ids, now(), resource_version=self.status.version, healthy=said)
        if self.wrote:
            took, about = time.monotonic() - self.began, {"revision": self.at}
            kept = remembered(one.status.history, self.digest, record.SUCCEEDED, now(), took, about)
            body["status"]["history"] = [each.model_dump(by_alias=True) for each in kept]
        first = one.status.last_applied_revision != self.at
        if first:
            body["status"]["lastAppliedOriginRevision"] = await self._origin() or None
        await self.status.write(body)
        if self.wrote and (first or self.pruned):
            await self.status.say(record.SUCCEEDED, self._message())

    async def _origin(self) -> str:
        one, seen = self.status.of, self.fetched
        if seen.files and (seen.key, seen.revision) == (one.source, self.at):
            return seen.origin
        return await origin_of(self.wired, one.source, self.at)

    def _message(self) -> str:
        gone = f"; deleted: {', '.join(map(str, self.pruned[:10]))}" if self.pruned else ""
        return f"Applied revision: {self.at}: {len(self.ids)} objects{gone}"
