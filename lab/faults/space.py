"""One namespace of the suite: its applications, what is observed of it, and what people do in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from lab.faults.field import Field
from lab.faults.judged.cases import at_rest
from lab.faults.judged.history import History
from lab.faults.judged.observer import Observer
from lab.faults.plan import GATED
from lab.faults.striking.hands import Hands

READY_WITHIN_S = 120.0
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace. Twins are applications of one name in two of them."""

    field: Field
    observer: Observer
    hands: Hands

    @property
    def namespace(self) -> str:
        return self.field.namespace

    @property
    def history(self) -> History:
        return self.observer.history

    async def prepare(self, shapes: Mapping[str, str]) -> None:
        """Make its applications."""
        await self.field.prepare(shapes, GATED)

    async def open(self, shapes: Mapping[str, str]) -> None:
        """Return when all of its applications are initialised, answer, and have users.

        Raises:
            TimeoutError: one does not come to that.
        """
        await self._until_all(self._rests, list(shapes))
        await self._until_all(self.field.answers, self.field.visited())
        for app in self.field.visited():
            self.field.start_users(app)

    async def _until_all(self, holds: Callable[[str], Awaitable[bool]], apps: list[str]) -> None:
        async with asyncio.timeout(READY_WITHIN_S):
            for app in apps:
                while not await holds(app):
                    await self.observer.change(LOOK_S)

    async def _rests(self, app: str) -> bool:
        return at_rest(self.history, self.field.shapes[app], app)
