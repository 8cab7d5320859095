"""Asking for load where a step is silent: what nobody uses cannot be judged, and `rollout` webhooks may send it requests."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from sluice.gates.points import When, asked_at
from tasks.scene.rollout_ref import Scene


@dataclass(slots=True)
class SyntheticLoad:
    """The `rollout` webhooks of one step, as those that send load; as gates they are asked at its end.

    Attributes:
        every: seconds between two times that they are called: a load tester is configured to go on for that long.
    """

    scene: Scene
    every: float
    _called: float = float("-inf")
    _calls: set[asyncio.Task[object]] = field(default_factory=set)

    def call(self) -> None:
        """Call them where it is time, and wait for nobody: judging goes on, and their answers open or close no gate."""
        now, analysis = time.monotonic(), self.scene.canary.spec.analysis
        if analysis is None or now - self._called < self.every:
            return
        self._called = now
        for webhook in analysis.webhooks:
            if asked_at(webhook, When.STEP):
                asked: asyncio.Task[object] = asyncio.create_task(
                    self.scene.wired.gates.ask(webhook, self.scene.canary)
                )
                self._calls.add(asked)
                asked.add_done_callback(self._calls.discard)

    async def end(self) -> None:
        """Leave nothing on its way."""
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
