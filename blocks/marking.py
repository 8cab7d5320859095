"""How this process marks releases outside: under which name, and never too many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from blocks.sink import Sink
from sluice.recent import Recent

AT_ONCE = 2
"""Releases that are marked at the same moment: forges ask their users to come one after the other."""


@dataclass(slots=True)
class Marking:
    """What marking needs besides the forge.

    Attributes:
        environment: what the forge calls releases of this cluster; empty where only annotations name one.
        sink: of CDEvents; None where nobody listens.
        turns: to mark at all.
        locks: to mark one Canary, by `namespace/name`.
        unkept: Canaries whose definition keeps no record: they are not looked for again in this process.
    """

    environment: str = ""
    sink: Sink | None = None
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    locks: Recent[str, asyncio.Lock] = field(default_factory=lambda: Recent(10_000))
    unkept: Recent[str, bool] = field(default_factory=lambda: Recent(10_000))
