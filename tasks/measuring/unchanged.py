"""Whether what a stage waits under is unchanged: the target's revision, the Canary, and what Gates and people say.

A stage may wait for a weekend in one piece; it ends at once where there is something else to be decided.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from blocks.kubernetes.informer import Followed
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError
from sluice.manifests.flagger.canary import Canary
from tasks.gates.heard import Heard, heard, matters_to
from tasks.run_signals import RunSignals, signals_for_current_run
from tasks.scene.rollout_ref import Object, RolloutRef, Scene

LOOK = 10.0
"""Seconds between looks at what brings no news of itself: the lease, and the marks of the run."""
SURELY = 0.01
"""Seconds after the moment at which something changes by itself, so that it surely has."""


@dataclass(slots=True)
class Unchanged:
    """What is followed while a stage waits, and how it was when the stage began.

    Attributes:
        target, canary: followed; shared objects, not to be changed.
        edited: whether the Canary's spec is another one by now.
        began, heard: what Gates and people said when the stage began, and say now.
        noticed: set where they may say something else.
    """

    scene: Scene
    ref: RolloutRef
    target: Followed
    canary: Followed
    spec: Object
    signals: RunSignals
    paused: bool
    began: Heard = field(default_factory=Heard)
    heard: Heard = field(default_factory=Heard)
    noticed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def edited(self) -> bool:
        return self.canary.object is not None and self.canary.object.get("spec") != self.spec

    def over(self) -> str:
        """Why the waiting is over; empty while it is not.

        Raises:
            NotFoundError: the Canary or its target is gone.
            LostError: another run carries the Canary.
        """
        self.scene.lease.check()
        canary, target = self.canary.object, self.target.object
        if canary is None:
            raise NotFoundError(f"the Canary {self.scene.canary} was deleted")
        if canary["metadata"].get("deletionTimestamp"):
            return "the Canary is being deleted"
        if target is None:
            workload = self.scene.workload
            raise NotFoundError(f"{workload.kind} {self.ref.namespace}/{self.scene.canary.target} was deleted")
        if self.scene.workload.revision(self.scene.canary, target) != self.ref.revision:
            return "a newer revision came"
        if self.edited:
            return "the Canary was edited"
        if self.heard.matters != self.began.matters:
            return "a Gate or a person has something else to say"
        return self.signals.called_back

    @property
    def held(self) -> bool:
        """Whether nothing goes forward by what people, Gates and freezes say."""
        return self.signals.paused or bool(self.heard.held)

    @property
    def asked(self) -> bool:
        """Whether a person has paused or resumed the run, or cancelled it, since the stage began."""
        return self.signals.paused is not self.paused or self.signals.cancelled

    async def change(self, seconds: float) -> None:
        """Wait for a change of either object, or of what Gates and people say, at most so long."""
        if self.heard.until is not None:
            seconds = min(seconds, max(self.heard.until - time.time(), 0.0) + SURELY)
        waits = (self.target.change(), self.canary.change(), self.noticed.wait())
        news: list[asyncio.Future[Any]] = [asyncio.ensure_future(one) for one in waits]
        news.append(self.signals.news())
        try:
            await asyncio.wait(news, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in news:
                one.cancel()
        if self.noticed.is_set() or (self.heard.until is not None and time.time() >= self.heard.until):
            self.noticed.clear()
            self.heard = await heard(self.scene.wired, self.scene.canary, self.ref.revision)

    async def stands(self, seconds: float, *, hears: bool = False) -> bool:
        """Wait so long; False as soon as there is something to decide.

        Args:
            seconds: to wait.
            hears: the waiting ends early, with True, where answers of Gates may have changed.
        """
        loop = asyncio.get_running_loop()
        end, answers = loop.time() + seconds, self.heard.answers
        while not (self.over() or self.asked):
            left = end - loop.time()
            if left <= 0 or (hears and self.heard.answers != answers):
                await asyncio.sleep(0)
                return True
            await self.change(min(left, LOOK))
        return False


@asynccontextmanager
async def unchanged(scene: Scene, ref: RolloutRef) -> AsyncIterator[Unchanged]:
    """Follow what a stage waits under, for the duration of the block."""
    informers, signals = scene.wired.informers, signals_for_current_run()
    async with (
        informers.following(scene.kind, scene.canary.target, ref.namespace) as target,
        informers.following(CANARY, ref.name, ref.namespace) as canary,
    ):
        with informers.noticing(matters_to(scene.canary)) as noticed:
            canary.object = canary.object or await informers.get(CANARY, ref.name, ref.namespace)
            # What the stage goes by may have been edited since it was read.
            same = Canary.parse(canary.object).spec == scene.canary.spec
            spec: Object = (canary.object.get("spec") or {}) if same else {}
            began = await heard(scene.wired, scene.canary, ref.revision)
            yield Unchanged(scene, ref, target, canary, spec, signals, signals.paused, began, began, noticed)
