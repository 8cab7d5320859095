"""A cluster in memory whose processes can die at any write, and which can refuse any write."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import LEASE
from sluice.errors import ConflictError, ForbiddenError, InvalidError, SluiceError, TransientError
from tests.applying_cluster import ApplyingCluster
from tests.laws.town import Crash

Object = dict[str, Any]
REFUSALS: tuple[SluiceError, ...] = (
    InvalidError("PATCH answered 422: no such field"),
    TransientError("PATCH answered 500: failed calling webhook"),
    ForbiddenError("PATCH answered 403: exceeded quota"),
    ForbiddenError('PATCH answered 403: admission webhook "w" denied the request'),
    ConflictError("PATCH answered 409: the object has been modified"),
)


@dataclass
class Territory(ApplyingCluster):
    """Objects, and what happens to those who write them.

    Attributes:
        dice: of the life.
        dead: the process that asks is gone: nothing that its code still does arrives.
        dies_at: writes until the process is gone; before that write arrives, or after it did.
        refuses_at: writes until one of them is refused.
        refusal: how.
    """

    dice: Random = field(default_factory=Random)
    dead: bool = False
    dies_at: tuple[int, str] | None = None
    refuses_at: int | None = None
    refusal: SluiceError | None = None

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        if kind.kind != LEASE.kind:
            await self._turn()
        return await super().get(kind, name, namespace)

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        await self._turn()
        return await super().find(kind, name, namespace)

    async def list_from(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None
    ) -> tuple[list[Object], str]:
        await self._turn()
        return await super().list_from(kind, namespace, labels)

    async def delete(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        await self._turn()
        self._happens("before")
        await super().delete(kind, name, namespace)
        self._happens("after")

    async def _pass(self, when: str, item: Object) -> None:
        if item["kind"] == LEASE.kind:
            return
        await self._turn()
        self._happens(when)

    async def _turn(self) -> None:
        """Others may come between any two requests."""
        if self.dead:
            raise Crash
        for _ in range(self.dice.choice((0, 0, 1, 3))):
            await asyncio.sleep(0)
        if self.dead:
            raise Crash

    def _happens(self, when: str) -> None:
        if self.dies_at is not None and self.dies_at[1] == when:
            left = self.dies_at[0] - 1
            self.dies_at = (left, when) if left else None
            if not left:
                self.dead = True
                raise Crash
        if self.refuses_at is not None and when == "before":
            self.refuses_at = self.refuses_at - 1 or None
            if self.refuses_at is None and self.refusal is not None:
                raise self.refusal
