"""Which Kustomization has applied which object, by the inventories in their status."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from blocks.applied.ledger import Place, place_of
from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.inventory import departed

Key = tuple[str, str]
KindKey = tuple[str, str]
"""API version and kind."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of one Kustomization.

    Attributes:
        version: its resourceVersion.
        places: its objects.
        kinds: of them.
    """

    version: str
    places: frozenset[Place]
    kinds: frozenset[KindKey]


@dataclass(slots=True)
class Inventories:
    """The inventories of all Kustomizations whose objects are looked after here."""

    held: dict[Key, Held] = field(default_factory=dict)
    _owners: dict[Place, Key] = field(default_factory=dict)

    def learn(self, item: dict[str, Any]) -> None:
        """Remember a Kustomization as it is now."""
        key = (item["metadata"]["namespace"], item["metadata"]["name"])
        self.forget(key)
        one = looked_after(item)
        if one is None:
            return
        objects = departed(one.status.inventory, ())
        places = frozenset(place_of(each) for each in objects)
        kinds = frozenset((each.api_version, each.kind) for each in objects)
        self.held[key] = Held(one.metadata.resource_version, places, kinds)
        self._owners |= dict.fromkeys(places, key)

    def forget(self, key: Key) -> None:
        """The Kustomization is gone, or is not looked after any more."""
        before = self.held.pop(key, None)
        for place in before.places if before else ():
            if self._owners.get(place) == key:
                del self._owners[place]

    def owner(self, place: Place) -> Key | None:
        """Whose an object is."""
        return self._owners.get(place)

    @property
    def kinds(self) -> set[KindKey]:
        """All kinds that are among them."""
        return {kind for one in self.held.values() for kind in one.kinds}


def looked_after(item: dict[str, Any]) -> Kustomization | None:
    """The Kustomization, where what it applied is to be kept: it is applied, to this cluster, and nobody stopped it."""
    try:
        one = Kustomization.parse(item)
    except InvalidError:
        return None
    elsewhere = one.spec.model_dump(by_alias=True, exclude_none=True).get("kubeConfig")
    stopped = one.spec.suspend or one.metadata.deletion_timestamp or elsewhere
    return one if one.status.last_applied_revision and not stopped else None
