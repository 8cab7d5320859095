"""Every push that the receiver took has exactly one run with an end, also where the server forgot that it said yes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from lab.faults.laws import Violation
from lab.faults.outcomes import Run, Runs

ANSWERED_WITHIN_S = 240.0
"""Seconds within which an accepted push has its run: reconcile starts what is missing after a minute and a half, and comes
once a minute."""
LOOK_S = 3.0
BEFORE_S = 5.0
Push = tuple[float, str]
"""When it was accepted, seconds since the epoch, and its tag."""


class Deliveries:
    """The pushes that are still to be judged: a round does not wait for those that come late."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._open: list[Push] = []

    def took(self, accepted: Sequence[Push]) -> None:
        """The receiver took these."""
        self._open += accepted

    async def due(self) -> list[Violation]:
        """Judge those whose time is over."""
        return await self._judged([push for push in self._open if push[0] < time.time() - ANSWERED_WITHIN_S])

    async def all(self) -> list[Violation]:
        """Judge all that are left, as soon as they have ended or their time is over."""
        while self._open and max(self._open)[0] > time.time() - ANSWERED_WITHIN_S:
            if not list(deliveries_are_recorded(self._open, await self._since(self._open))):
                break
            await asyncio.sleep(LOOK_S)
        return await self._judged(list(self._open))

    async def _judged(self, pushes: Sequence[Push]) -> list[Violation]:
        if not pushes:
            return []
        self._open = [push for push in self._open if push not in pushes]
        return list(deliveries_are_recorded(pushes, await self._since(pushes)))

    async def _since(self, pushes: Sequence[Push]) -> list[Run]:
        return await self._runs.since(min(pushes)[0] - BEFORE_S)


def deliveries_are_recorded(accepted: Sequence[Push], runs: Sequence[Run]) -> Iterator[Violation]:
    """The law."""
    law = "every event has one outcome"
    mine = [run for run in runs if run.flow == "deliver_image"]
    count = Counter(str(run.parameters.get("tag")) for run in mine)
    for at, tag in accepted:
        if count[tag] != 1:
            yield Violation(law, "", f"the push of {tag} was accepted and has {count[tag]} runs", at)
    tags = {tag for _, tag in accepted}
    for run in mine:
        if run.parameters.get("tag") in tags and run.state != "COMPLETED":
            yield Violation(law, "", f"run {run.ident} of the push of {run.parameters.get('tag')} is {run.name}")
