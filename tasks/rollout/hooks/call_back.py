"""Rollback webhooks: a service of the user's may call a release back for as long as it is under way.

Meaning as Flagger's (`runRollbackHooks`, pkg/controller/scheduler_hooks.go): a 2xx answer means "roll back", and any other,
also silence, means nothing. Flagger asks once an interval, and not while `confirm-rollout` is closed; here it is asked then
too, and once more right before users come to the revision or it is promoted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sluice.manifests.flagger.phase import Phase
from tasks.rollout.hooks.found import Found, found
from tasks.run_signals import RunSignals
from tasks.scene.rollout_ref import RolloutRef

ASKED_IN = frozenset({Phase.PROGRESSING, Phase.WAITING, Phase.WAITING_PROMOTION})
"""The phases in which a release can be called back. One that is being promoted goes on to its end."""
LOOK, SOONEST = 5.0, 1.0
"""Seconds between looks, which ask nobody, while nothing is under way; and between two questions at least."""
TYPE = "rollback"


@dataclass(slots=True)
class CallBack:
    """Asks the rollback webhooks of one run.

    Attributes:
        ref: the release.
        signals: of the run; what a webhook has called back is noted there, so that whatever waits hears of it.
        asked: when they were asked last, by the loop's clock.
    """

    ref: RolloutRef
    signals: RunSignals
    asked: float = float("-inf")

    async def watch(self) -> None:
        """Ask at the analysis interval, until the release is called back."""
        while not self.signals.called_back:
            now = self._now()
            await asyncio.sleep(self._interval(now) if now else LOOK)
            await self.ask()

    async def ask(self) -> None:
        """Ask each of them now, where the release is under way and nobody has been asked in this very moment."""
        now, clock = self._now(), asyncio.get_running_loop().time()
        if now is None or self.signals.called_back or clock - self.asked < SOONEST:
            return
        self.asked = clock
        for webhook in now.webhooks:
            answer = await now.call(webhook)
            if answer.open:
                self.signals.call_back(f"rollback hook {answer.gate} called it back: {answer.said}")
                return

    def _now(self) -> Found | None:
        now = found(self.ref, TYPE)
        if now is None or now.canary.status.last_applied_spec != self.ref.revision:
            return None
        return now if now.canary.status.phase in ASKED_IN else None

    def _interval(self, now: Found) -> float:
        analysis = now.canary.spec.analysis
        return max(analysis.interval if analysis else LOOK, SOONEST)
