"""A rollout that waits for a weekend: it costs a handful of stages and no memory, it is judged, and it sees at once what changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.manifests.flagger.phase import Phase
from sluice.measures.series import Selector, Series
from sluice.replay.recording import Recording
from sluice.rollout.decision import Outcome
from tasks import run_signals
from tasks.measuring.kept import MOST_LOOKS, MOST_POINTS
from tasks.rollout import ask_gate
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef
from tests.connected import connected
from tests.samples import NAME, NAMESPACE, gate, success_rate
from tests.tasks.conftest import Requests, Stage, parts, staged
from tests.virtual_time import in_no_time

HOUR = 3600.0
WEEKEND = 60 * HOUR
PERIOD = 30.0


class Scraped(Requests):
    """Requests that a provider counts in scrapes so many seconds apart."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        self.reads = getattr(self, "reads", 0) + 1
        found = await super().samples(selector, *(at / 10 for at in (start, end)))
        # Ten of its samples a second become one each `PERIOD`.
        grid = [(at * 10, value) for at, value in found[0].samples]
        return found if not grid else [_every(one, PERIOD) for one in await super().samples(selector, start, end)]


def _every(series: Series, period: float) -> Series:
    return Series(series.labels, tuple(one for one in series.samples if round(one[0] * 10) % round(period * 10) == 0))
