"""Wanted: what of a rendered object would be applied to the object as it is, or that it is to be left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.ignoring import IgnoreRule
from sluice.rollout.workloads import WORKLOADS
from sluice.sync.applying.ignored import yielding
from sluice.sync.applying.wishes import left_alone, only_made, shared
from sluice.sync.objects import ObjectId
from sluice.sync.ownership import Governed, is_target, rollout_targets

Object = dict[str, Any]
MANAGER = "sluice"


@dataclass(frozen=True, slots=True)
class Wanting:
    """What rollouts own, or users want left as it is, and so no sync writes.

    Attributes:
        users: what users' traffic goes through.
        targets: the workloads of which a rollout manages some fields.
        ignore: users' rules for fields that stay as they are.
    """

    users: Governed
    targets: frozenset[ObjectId]
    ignore: tuple[IgnoreRule, ...] = ()
    NOTHING: ClassVar[Wanting]

    @classmethod
    async def of(cls, cluster: Cluster, ignore: tuple[IgnoreRule, ...] = ()) -> Self:
        """As the cluster's Canaries say now, and these rules."""
        canaries = Canary.valid(await cluster.list(CANARY))
        targets = rollout_targets([canary for canary in canaries if canary.spec.target_ref.kind in WORKLOADS])
        return cls(Governed.by(canaries), targets, ignore)

    def spares(self, manifest: Object, live: Object) -> bool:
        """Whether the object is left as it is: its users asked for that, or a rollout governs it."""
        return left_alone(live) or self.users.has(live) or only_made(manifest)

    def takes(self, manifest: Object, live: Object) -> bool:
        """Whether what people and other appliers have set on the object is put right as well."""
        return not (shared(manifest) or shared(live))

    def is_target(self, manifest: Object) -> bool:
        """Whether a rollout manages some fields of it."""
        return is_target(manifest, self.targets)

    def yields(self, manifest: Object) -> bool:
        """Whether some of its fields may stay as they are in the cluster: what is there has to be read first."""
        return self.is_target(manifest) or any(rule.about(manifest) for rule in self.ignore)

    def over(self, manifest: Object, live: Object) -> Object:
        """The manifest as it would be applied over the object: fields of a rollout, and of the rules, stay as they are."""
        wanted = manifest
        if self.is_target(manifest):
            wanted = WORKLOADS[manifest["kind"]].writes.yielding(manifest, live, MANAGER)
        pointers = [path for rule in self.ignore if rule.about(manifest) for path in rule.paths]
        return yielding(wanted, live, pointers, MANAGER, takes=self.takes(manifest, live)) if pointers else wanted


Wanting.NOTHING = Wanting(Governed(frozenset(), frozenset()), frozenset())
