"""A service of feature flags in memory, with people at its switches and days on which it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sluice.errors import NotFoundError, StaleError, TransientError
from sluice.flags.flag import FALSE, TRUE, Flag, FlagState, Served, Turn, Wish
from sluice.manifests.own.flag_service import FlagServiceReference

ENVIRONMENT = "production"
SERVICE = {"type": "flipt", "address": "http://flags.test", "environments": [ENVIRONMENT]}
"""How a manifest names it."""


def serving(value: str, version: int, **fields: Any) -> FlagState:
    """A boolean flag that gives everybody this value."""
    return FlagState(enabled=value == TRUE, served=Served(everybody=value), version=str(version), **fields)


@dataclass
class MemoryFlags:
    """Boolean flags by key; it is its own factory.

    Attributes:
        hooks: called with "before" or "after", the wish and the key, at each turn.
        away: answers nothing.
        slow: seconds that each answer takes.
        refuses: the keys that it turns for nobody.
        turns: every write that was done, by sluice or by people.
        asked: the keys that somebody wanted to know of.
    """

    states: dict[str, FlagState] = field(default_factory=dict)
    hooks: list[Callable[[str, str, str], None]] = field(default_factory=list)
    away: bool = False
    slow: float = 0.0
    refuses: set[str] = field(default_factory=set)
    turns: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    _version: int = 0

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> MemoryFlags:
        assert reference.address == SERVICE["address"]
        return self

    def add(self, *keys: str) -> None:
        """Flags that are on for everybody."""
        for key in keys:
            self.states[key] = serving(TRUE, self._next())

    def by_hand(self, key: str, value: str) -> None:
        """What somebody does in the service's own UI."""
        self.states[key] = serving(value, self._next())
        self.turns.append(f"{key} {value} by hand")

    def is_on(self, key: str) -> bool:
        return self.states[key].served.everybody == TRUE

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        await self._answers()
        return tuple(self._flag(key) for key in sorted(self.states))

    async def flag(self, key: str, environment: str) -> Flag | None:
        self.asked.append(key)
        await self._answers()
        return self._flag(key) if key in self.states else None

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        await self._answers()
        for hook in list(self.hooks):
            hook("before", str(wish), key)
        now = self.states.get(key)
        if now is None:
            raise NotFoundError(f"flag {key} does not exist")
        if now.version != seen.version:
            raise StaleError(f"flag {key} was changed by somebody else")
        if key in self.refuses:
            raise TransientError(f"flag {key} is locked")
        on = wish.turn is Turn.RESTORE
        self.states[key] = serving(TRUE if on else FALSE, self._next(), switched_off=not on)
        self.turns.append(f"{key} {wish}")
        for hook in list(self.hooks):
            hook("after", str(wish), key)
        return self.states[key]

    async def archive(self, key: str) -> None:
        raise NotFoundError(f"flag {key} stays")

    async def _answers(self) -> None:
        await asyncio.sleep(self.slow)
        if self.away:
            raise TransientError("the flag service does not answer")

    def _flag(self, key: str) -> Flag:
        return Flag(key=key, environments={ENVIRONMENT: self.states[key]})

    def _next(self) -> int:
        self._version += 1
        return self._version
