"""Claims: which Kustomization has an object, so that two that name it neither fight over it nor delete it from each other.

The inventories say so. An object that moves from one to another in one commit is in both for a moment: the old owner lets
go of it without deleting it, and only then the new one takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.inventory import entry_id
from sluice.sync.objects import ObjectId

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Claims:
    """What others say that they have.

    Attributes:
        home: the cluster of the Kustomizations, whichever cluster their objects are in.
        of: the Kustomization that asks.
    """

    home: Cluster
    of: Kustomization

    async def has(self, namespace: str, name: str, one: ObjectId) -> bool:
        """Whether that Kustomization has the object, and so nobody else may take it."""
        if (namespace, name) == (self.of.namespace, self.of.name):
            return False
        found = await self.home.find(KUSTOMIZATION, name, namespace)
        return found is not None and entry_id(one) in _entries(found)

    async def wanted(self, gone: Iterable[ObjectId]) -> Mapping[str, Key]:
        """The inventory entries among these that another Kustomization for this cluster has as well, with which it is."""
        asked = {entry_id(one) for one in gone}
        if not asked:
            return {}
        others = [
            one
            for one in Kustomization.valid(await self.home.list(KUSTOMIZATION))
            if (one.namespace, one.name) != (self.of.namespace, self.of.name) and _where(one) == _where(self.of)
        ]
        return {
            entry.id: (one.namespace, one.name)
            for one in others
            for entry in one.status.inventory.entries
            if entry.id in asked and not one.leaving
        }


def _entries(found: dict[str, object]) -> set[str]:
    return {entry.id for one in Kustomization.valid([found]) for entry in one.status.inventory.entries}


def _where(one: Kustomization) -> object:
    """Which cluster its objects are for."""
    return one.spec.model_dump(by_alias=True, exclude_none=True).get("kubeConfig")
