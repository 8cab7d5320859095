"""Judging at the pace of the scrapes, whatever it is: by clocks that go as fast as there is nothing to do."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import floor
from typing import Any

import pytest

from blocks.leases import worker
from sluice.judge.verdict import Verdict
from sluice.measures.series import Selector, Series
from sluice.rollout.decision import Action, Decision
from sluice.rollout.journal import judge_state
from sluice.rollout.strategies.base import Traffic
from tasks import run_signals
from tasks.measuring import step as judging
from tasks.rollout.analyse import analyse
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.samples import canary, counted_at, merged, success_rate
from tests.tasks.conftest import Requests, Stage, parts, staged
from tests.virtual_time import in_no_time

PERIODS = [2.0, 5.0, 15.0, 30.0, 60.0]


@dataclass
class Scraped(Requests):
    """Fifty requests a second on each side, scraped so many seconds apart; the canary's series are new.

    Attributes:
        first: the part of a period after which the first scrape comes.
    """

    period: float = 2.0
    born: float = 0.0
    first: float = 0.5
    looks: list[float] = field(default_factory=list)

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        self.looks.append(time.time())
        anchor = self.born + self.first * self.period
        ticks = range(floor((start - anchor) / self.period) + 1, floor((end - anchor) / self.period) + 1)
        grid = [anchor + self.period * tick for tick in ticks]
        of_canary = [(at, 50 * (at - self.born)) for at in grid if at > self.born]
        primary = Series({**counted_at("primary"), "instance": "p"}, tuple((at, 50 * at) for at in grid))
        return [
            primary,
            *(
                Series(
                    {**counted_at("canary", code), "instance": "c"},
                    tuple((at, value * part) for at, value in of_canary),
                )
                for code, part in (("2", 1 - self.fails), ("5", self.fails))
            ),
        ]


def scraped(period: float, fails: float = 0.0, first: float = 0.5, **analysis: Any) -> Stage:
    """A step that began just now."""
    now = time.time()
    spec = {"analysis": {"interval": "10m", "metrics": [success_rate(99)], **analysis}}
    stage = staged(spec, stepStarted=now)
    evidence = {"evidence": {"revision": stage.ref.revision, "since": now}}
    stage.cluster.add(merged(stage.now("Canary", "shop"), {"status": evidence}))
    stage.metrics = Scraped(period=period, born=now, fails=fails, first=first)
    return stage


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Judges a step to its end: `simulate(stage)` gives what it came to, and after how many seconds."""
    monkeypatch.setattr(judging, "SEARCH", 0.4)
    monkeypatch.setattr(worker, "RENEWAL", 3600.0)
    monkeypatch.setattr(worker, "DURATION", 4 * 3600.0)

    def run(make: Any) -> Any:
        async def story() -> Any:
            stage = make()
            began = time.time()
            run_signals.bind(stage.signals)
            async with connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run"):
                result = await analyse.fn(stage.ref, Decision(Action.ANALYSE, step=1, traffic=Traffic(30)))
                return stage, result.step, time.time() - began

        return in_no_time(story)

    return run


@pytest.mark.parametrize("period", PERIODS)
def test_a_release_is_judged_at_the_pace_of_its_scrapes(simulate: Any, period: float) -> None:
    """A look or two for each scrape, no word of silence, and ten minutes that pass: at 2 s as at 60."""
    stage, result, seconds = simulate(lambda: scraped(period))
    assert result.judgement.verdict is Verdict.PASS
    assert 600 <= seconds < 610 + period
    assert len(stage.metrics.looks) <= 2.2 * 600 / period + 12
    messages = [one["message"] for one in stage.status.get("conditions", [])]
    assert not any("no sample" in one or "waits" in one for one in messages)
    kept = judge_state(canary(None, stage.status), stage.ref.revision, time.time())
    assert kept.metrics["request-success-rate"].evidence.blocks >= 600 / period - 2


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("first", [0.02, 0.1, 0.3, 0.98])
def test_a_scrape_right_after_the_first_traffic_makes_no_requests_missing(
    simulate: Any, period: float, first: float
) -> None:
    """What the primary had before the canary had any is not held against it, also where other applications meet errors."""
    _, result, _ = simulate(lambda: scraped(period, first=first))
    assert result.judgement.verdict is Verdict.PASS


@pytest.mark.parametrize("period", PERIODS)
def test_a_bad_release_is_rolled_back_after_a_few_of_its_scrapes(simulate: Any, period: float) -> None:
    """Half of the requests fail: three scrapes are what it takes, however far apart they are."""
    _, result, seconds = simulate(lambda: scraped(period, fails=0.5))
    assert (result.judgement.verdict, result.fatal) == (Verdict.FAIL, True)
    assert result.judgement.readings[0].value == pytest.approx(50, abs=2)
    assert seconds <= 4 * period + 1


@pytest.mark.parametrize("period", PERIODS)
def test_a_paced_step_passes_early_and_is_never_called_blind(simulate: Any, period: float) -> None:
    """With `pace: auto` silence holds a step: a period between two scrapes is none."""
    stage, result, seconds = simulate(lambda: scraped(period, pace="auto"))
    assert result.judgement.verdict is Verdict.PASS
    assert seconds <= max(12.0, 5 * period)
    assert "waits" not in str(stage.status.get("conditions", ""))
