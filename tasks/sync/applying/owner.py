"""Whom objects are applied for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sluice.sync.objects import ObjectId


class Claimed(Protocol):
    """What other owners have."""

    async def has(self, namespace: str, name: str, one: ObjectId) -> bool:
        """Whether the owner of that name has the object."""

    async def wanted(self, gone: Iterable[ObjectId]) -> Mapping[str, tuple[str, str]]:
        """The inventory entries among these that another owner has as well, with its namespace and name."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom objects are applied for.

    Attributes:
        namespace: of the owner.
        name: of the owner.
        claimed: what other owners have.
        force: an object with a field that cannot be changed is deleted and made again.
    """

    namespace: str
    name: str
    claimed: Claimed
    force: bool = False
