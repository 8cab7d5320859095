"""Which objects a Kustomization has applied, and which of them it no longer names.

The form of the entries is Flux's: `<namespace>_<name>_<group>_<kind>`, with colons of names written as `__`
(cli-utils' object metadata), so that a cluster can move from one to the other with its inventory.
"""

from __future__ import annotations

from collections.abc import Iterable

from sluice.manifests.flux.kustomization import Inventory, InventoryEntry
from sluice.sync.objects import ObjectId


def inventory(applied: Iterable[ObjectId]) -> Inventory:
    """The inventory of these objects, in a fixed order."""
    versions = {entry_id(one): one.version for one in applied}
    return Inventory(entries=tuple(InventoryEntry(id=key, v=versions[key]) for key in sorted(versions)))


def departed(before: Inventory, applied: Iterable[ObjectId]) -> list[ObjectId]:
    """The objects of the inventory that are no longer applied. A change of API version alone is no departure."""
    kept = {entry_id(one) for one in applied}
    return [found for entry in before.entries if entry.id not in kept and (found := _read(entry)) is not None]


def entry_id(one: ObjectId) -> str:
    """The name of an object in an inventory."""
    name = one.name.replace(":", "__")
    return f"{one.namespace}_{name}_{one.group}_{one.kind}"


def _read(entry: InventoryEntry) -> ObjectId | None:
    """None for an entry that is not in the form: deleting by guess is worse than leaving something behind."""
    namespace, first, rest = entry.id.partition("_")
    head, second, kind = rest.rpartition("_")
    name, third, group = head.rpartition("_")
    if not (first and second and third and kind and name):
        return None
    return ObjectId(group=group, version=entry.v, kind=kind, namespace=namespace, name=name.replace("__", ":"))
