"""Every push that the receiver took has exactly one run with an end, also where the server forgot that it said yes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from lab.faults.judged.evidence import Violation
from lab.faults.judged.outcomes import Run, Runs

ANSWERED_WITHIN_S = 240.0
"""Seconds within which an accepted push has its run: reconcile starts what is missing after a minute and a half, and comes
once a minute."""
UNSTORED_S = 2.5
"""Seconds before its end in which a killed server may have said yes to what it had not stored yet: not promised
(docs/reliability.md), so reported and not counted as broken."""
LOOK_S = 3.0
BEFORE_S = 5.0
Push = tuple[float, str]
"""When it was accepted, seconds since the epoch, and its tag."""


class Deliveries:
    """The pushes that are still to be judged: a round does not wait for those that come late.

    Attributes:
        unstored: tags that a killed server took with it within `UNSTORED_S`.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._open: list[Push] = []
        self._kills: list[float] = []
        self.unstored: set[str] = set()

    def took(self, accepted: Sequence[Push], kills: Sequence[float] = ()) -> None:
        """The receiver took these, and the server was killed at these times."""
        self._open += accepted
        self._kills += kills

    async def due(self) -> list[Violation]:
        """Judge those whose time is over."""
        return await self._judged([push for push in self._open if push[0] < time.time() - ANSWERED_WITHIN_S])

    async def all(self) -> list[Violation]:
        """Judge all that are left, as soon as they have ended or their time is over."""
        while self._open and max(self._open)[0] > time.time() - ANSWERED_WITHIN_S:
            promised = [push for push in self._open if not self._may_be_unstored(push)]
            if not list(deliveries_are_recorded(promised, await self._since(self._open))):
                break
            await asyncio.sleep(LOOK_S)
        return await self._judged(list(self._open))

    async def _judged(self, pushes: Sequence[Push]) -> list[Violation]:
        if not pushes:
            return []
        self._open = [push for push in self._open if push not in pushes]
        runs = await self._since(pushes)
        known = {str(run.parameters.get("tag")) for run in runs}
        gone = [push for push in pushes if push[1] not in known and self._may_be_unstored(push)]
        self.unstored |= {tag for _, tag in gone}
        return list(deliveries_are_recorded([push for push in pushes if push not in gone], runs))

    def _may_be_unstored(self, push: Push) -> bool:
        return any(0 <= kill - push[0] <= UNSTORED_S for kill in self._kills)

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
