"""A flag service in memory, by Flipt's own rules: fenced, and able to be away before or after a write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sluice.errors import NotFoundError
from sluice.flags.flag import Flag, FlagKind, FlagState, Wish
from sluice.flags.flipt.definition import Definition
from sluice.flags.flipt.edits import Edits, after, decided

Hook = Callable[[str], None]
"""Called with "before" or "after" a write; what it raises breaks the write there."""


@dataclass
class MemoryFlags:
    """Flags by key.

    Attributes:
        turned: the wishes that were written, in order.
        looks: called before each read.
    """

    flags_by_key: dict[str, Definition] = field(default_factory=dict)
    turned: list[str] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    looks: list[Callable[[], None]] = field(default_factory=list)

    def has(self, key: str, **said: object) -> None:
        """It has a boolean flag that is so."""
        self.flags_by_key[key] = Definition.model_validate({"key": key, "kind": FlagKind.BOOLEAN, **said})

    async def flags(self, environment: str) -> tuple[Flag, ...]:
        return tuple(one.flag(environment) for _, one in sorted(self.flags_by_key.items()))

    async def flag(self, key: str, environment: str) -> Flag | None:
        for look in self.looks:
            look()
        found = self.flags_by_key.get(key)
        return found.flag(environment) if found else None

    async def turn(self, key: str, environment: str, wish: Wish, seen: FlagState) -> FlagState:
        for hook in self.hooks:
            hook("before")
        if key not in self.flags_by_key:
            raise NotFoundError(f"there is no flag {key}")
        before = self.flags_by_key[key]
        made = decided(before, wish, seen.version, "memory")
        if not made.nothing:
            self.flags_by_key[key] = after(before, made)
            self.turned.append(str(wish))
        for hook in self.hooks:
            hook("after")
        return self.flags_by_key[key].state()

    async def archive(self, key: str) -> None:
        self.flags_by_key[key] = after(self.flags_by_key[key], Edits(archived=True))
