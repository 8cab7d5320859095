"""A clock for tests that goes as fast as there is nothing to do: a weekend of waiting takes seconds."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any
from unittest.mock import patch

TICK = 1e-6
"""Seconds that each turn of a loop takes, as any does: else what waits for less than a clock can say waits for ever."""


class _Selector(selectors.DefaultSelector):
    """Waits by moving the loop's clock instead of by waiting."""

    skip: Callable[[float], None]

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        self.skip((0.0 if ready else timeout or 0.0) + TICK)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock moves when all of its tasks wait.

    Attributes:
        passed: seconds that have passed by it.
    """

    def __init__(self) -> None:
        selector = _Selector()
        selector.skip = self._skip
        super().__init__(selector)
        self.passed = 0.0

    def time(self) -> float:
        return self.passed

    def _skip(self, seconds: float) -> None:
        self.passed += seconds


def in_no_time(story: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a story whose clocks, the wall's and the kernel's among them, all go by a `VirtualLoop`."""
    loop, wall, steady, boot = VirtualLoop(), time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_MONOTONIC)
    with (
        patch.object(time, "time", lambda: wall + loop.passed),
        patch.object(time, "monotonic", lambda: steady + loop.passed),
        patch.object(time, "clock_gettime", lambda _: boot + loop.passed),
        asyncio.Runner(loop_factory=lambda: loop) as runner,
    ):
        return runner.run(story())
