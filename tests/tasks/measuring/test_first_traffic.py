"""The first weight is set shortly before a scrape, and never waits for one that may not come."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sluice.errors import TransientError
from sluice.rollout.strategies.base import Traffic
from tasks.measuring import first_traffic
from tasks.measuring.first_traffic import LEAD, LONGEST, pause
from tasks.rollout.shift_traffic import shift_traffic
from tests.samples import success_rate
from tests.tasks.conftest import staged


@pytest.mark.parametrize(
    ("times", "now", "seconds"),
    [
        pytest.param([100.0, 102.0, 104.0], 104.5, 1.5 - LEAD, id="the next one"),
        pytest.param([100.0, 102.0, 104.0], 105.9, 2.1 - LEAD, id="the one after it, where the next comes too soon"),
        pytest.param([100.0, 102.0, 104.0], 106.5, 1.5 - LEAD, id="one that was missed is the next one's measure"),
        pytest.param([100.0, 102.0, 106.0, 108.0], 108.5, 1.5 - LEAD, id="a gap among them"),
        pytest.param([100.0, 110.0, 120.0], 121.0, 9.0 - LEAD, id="rare ones"),
        pytest.param([100.0, 160.0, 220.0], 221.0, 0.0, id="too rare to wait for"),
        pytest.param([100.0, 102.0, 104.0], 109.0, 0.0, id="none any more"),
        pytest.param([100.0, 102.0], 103.0, 0.0, id="too few to know"),
        pytest.param([], 103.0, 0.0, id="none"),
    ],
)
def test_the_pause_ends_shortly_before_the_next_scrape(times: list[float], now: float, seconds: float) -> None:
    """As regularly as the last ones came."""
    assert pause(times, now) == pytest.approx(seconds)


@pytest.mark.parametrize("now", [104.0 + tenth / 10 for tenth in range(40)])
def test_it_is_never_longer_than_from_one_scrape_to_the_next(now: float) -> None:
    """Whatever the phase."""
    assert 0 <= pause([100.0, 102.0, 104.0], now) <= 2.0 < LONGEST


@pytest.mark.parametrize(
    ("step", "weight", "error", "waits"),
    [
        pytest.param(0, 0, None, True, id="the first one"),
        pytest.param(1, 10, None, False, id="a further one"),
        pytest.param(0, 10, None, False, id="set already"),
        pytest.param(0, 0, TransientError("away"), False, id="a provider that is away"),
    ],
)
def test_only_the_first_weight_waits(
    play: Any, monkeypatch: pytest.MonkeyPatch, step: int, weight: int, error: Exception | None, waits: bool
) -> None:
    """A release that is under way is seen already, and one whose judge is blind is held by it, not here."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(first_traffic, "sleep", sleep)
    stage = staged({"analysis": {"metrics": [success_rate(99)]}}, weight=weight, step=step, stepStarted=time.time())
    stage.metrics.error = error
    play(stage, shift_traffic, step=step, traffic=Traffic(10))
    assert stage.route.weights["shop"] == 10
    assert bool(waited) == waits
