"""A rollout that waits for a night or a weekend: a handful of stages, bounded memory, judged, and awake at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from blocks.kubernetes.kinds import CANARY
from blocks.leases import worker
from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.measures.series import Selector, Series
from sluice.replay.recording import Recording
from sluice.rollout.decision import Outcome
from sluice.rollout.result import StepResult
from tasks import run_signals
from tasks.measuring import kept
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.samples import NAME, NAMESPACE, counted_at, gate, success_rate
from tests.tasks.conftest import Requests, Stage, parts, staged
from tests.virtual_time import in_no_time

HOUR = 3600.0
NIGHT, WEEK = 6 * HOUR, 7 * 24 * HOUR
"""What is bounded in it is bounded in a weekend: the bounds are a tenth of what they are."""
PERIOD = 60.0


@dataclass
class Scraped(Requests):
    """Twenty requests a second on each side, of which a provider knows by a scrape each `PERIOD`; it counts its queries."""

    queries: int = 0
    broke: float = float("inf")
    """Since when half of the canary's requests fail, seconds since the epoch."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        self.queries += 1
        if not self.flows:
            return []
        grid = [PERIOD * tick for tick in range(int(start / PERIOD) + 1, int(end / PERIOD) + 1)]
        bad = {at: 10 * max(0.0, at - self.broke) for at in grid}
        return [
            Series(counted_at("primary", "2"), tuple((at, 20 * at) for at in grid)),
            Series(counted_at("canary", "2"), tuple((at, 20 * at - bad[at]) for at in grid)),
            Series(counted_at("canary", "5"), tuple(bad.items())),
        ]


@dataclass
class Waiting:
    """A rollout that waits, what it has done, and when it was over."""

    stage: Stage
    lasts: float = NIGHT
    stages: list[str] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    outcome: Outcome | None = None
    awake: float = 0.0

    @property
    def metrics(self) -> Scraped:
        assert isinstance(self.stage.metrics, Scraped)
        return self.stage.metrics

    async def run(self, then: Callable[[Waiting], None]) -> None:
        """Wait for a night; then something happens, and the run goes on to its end."""
        run_signals.bind(self.stage.signals)
        async with connected(self.stage.cluster, **parts(self.stage)), claimed(self.stage.ref, "run"):
            run = await story.resumed(self.stage.ref)
            run.cleaning, self.steps = True, run.steps
            person = asyncio.create_task(self._later(then))
            while run.outcome is None:
                await story._turn(run)
            self.outcome, self.awake = run.outcome, time.time() - self.awake
            await run.flush()
            await person

    async def _later(self, then: Callable[[Waiting], None]) -> None:
        await asyncio.sleep(self.lasts)
        self.stages.append("morning")
        self.awake = time.time()
        then(self)


@pytest.fixture
def night(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plays a night on a stage: `night(stage, what happens in the morning)`."""

    def play(stage: Stage, then: Callable[[Waiting], None], lasts: float = NIGHT, **metrics: Any) -> Waiting:
        stage.metrics = Scraped(**metrics)
        waiting = Waiting(stage, lasts)
        do = RolloutRun.do

        async def counted(run: RolloutRun, task: Any, *args: Any, **kwargs: Any) -> Any:
            waiting.stages.append(task.name)
            return await do(run, task, *args, **kwargs)

        monkeypatch.setattr(RolloutRun, "do", counted)
        # The worker's sign of life is its own, and not what is counted here.
        monkeypatch.setattr(kept, "MOST_POINTS", kept.MOST_POINTS // 10)
        monkeypatch.setattr(kept, "MOST_LOOKS", kept.MOST_LOOKS // 10)
        monkeypatch.setattr(worker, "RENEWAL", HOUR)
        monkeypatch.setattr(worker, "DURATION", 4 * HOUR)
        monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))
        in_no_time(lambda: waiting.run(then))
        return waiting

    return play


def under_way(webhook: str = "", weight: int = 30, **status: Any) -> Stage:
    asked = [gate(webhook)] if webhook else []
    analysis = {"interval": "1m", "stepWeights": [30], "webhooks": asked, "metrics": [success_rate(99)]}
    spec = {"analysis": analysis, "progressDeadlineSeconds": 10 * 24 * HOUR}
    stage = staged(spec, weight=weight, **{"step": 0, "stepStarted": time.time(), **status})
    stage.gates.closed = {webhook} - {""}
    return stage


def pushed(waiting: Waiting) -> None:
    waiting.stage.push()


def edited(waiting: Waiting) -> None:
    waiting.stage.gates.closed = set()
    waiting.stage.change("Canary", NAME, {"spec": {"analysis": {"threshold": 7}}})


def deleted(waiting: Waiting) -> None:
    waiting.stage.cluster.vanish(CANARY, NAME, NAMESPACE)


def opened(waiting: Waiting) -> None:
    waiting.stage.gates.closed = set()


def resumed(waiting: Waiting) -> None:
    waiting.stage.signals.paused = False


def broken(waiting: Waiting) -> None:
    waiting.metrics.broke = time.time()


def bounded(waiting: Waiting) -> None:
    """What is kept of a night is no more than of an afternoon."""
    for step in waiting.steps:
        assert len(step.points) <= 3 * kept.MOST_POINTS
        assert sum(len(Recording.unpacked(one).looks) for one in step.recordings) <= 6 * kept.MOST_LOOKS


@pytest.mark.parametrize(
    ("then", "outcome", "within"),
    [
        pytest.param(pushed, Outcome.SUPERSEDED, 10, id="a newer revision"),
        pytest.param(edited, Outcome.PROMOTED, 300, id="an edit"),
        pytest.param(opened, Outcome.PROMOTED, 300, id="the gate opens"),
    ],
)
def test_a_closed_confirm_gate_waits_in_one_task(night: Any, then: Any, outcome: Outcome, within: float) -> None:
    """Hours before a gate are asked about at the analysis interval, by one task after the one that said so."""
    waiting = night(under_way("confirm-rollout", weight=0, step=-1), then)
    before = waiting.stages[: waiting.stages.index("morning")]
    assert [one for one in before if one != "notify"] == ["gate", "gate"]
    assert NIGHT / 60 * 0.9 < len(waiting.stage.gates.asked) < NIGHT / 60 * 1.1
    assert (waiting.outcome, waiting.awake < within) == (outcome, True)
    bounded(waiting)


@pytest.mark.parametrize("kind", ["confirm-rollout", "confirm-traffic-increase"])
def test_a_week_before_a_closed_gate_is_two_tasks(night: Any, kind: str) -> None:
    """So it is a handful of rows in Prefect, as a minute is: a row comes with each task and its states."""
    waiting = night(under_way(kind, weight=0, step=-1), opened, lasts=WEEK)
    before = waiting.stages[: waiting.stages.index("morning")]
    assert [one for one in before if one not in {"notify", "scale up"}] == ["gate", "gate"]
    assert before.count("notify") <= 2
    assert WEEK / 60 * 0.9 < len(waiting.stage.gates.asked) < WEEK / 60 * 1.1
    assert waiting.outcome is Outcome.PROMOTED
    bounded(waiting)


@pytest.mark.parametrize("kind", ["confirm-promotion", "confirm-traffic-increase"])
@pytest.mark.parametrize(
    ("then", "outcome", "within"),
    [
        pytest.param(pushed, Outcome.SUPERSEDED, 10, id="a newer revision"),
        pytest.param(opened, Outcome.PROMOTED, 120, id="the gate opens"),
        pytest.param(broken, Outcome.ROLLED_BACK, 20 * PERIOD, id="the revision breaks"),
    ],
)
def test_users_who_wait_for_an_approval_are_protected_all_the_while(
    night: Any, kind: str, then: Any, outcome: Outcome, within: float
) -> None:
    """Before a promotion the revision has users: it is judged at every scrape, and that is one task too."""
    waiting = night(under_way(kind), then)
    before = [one for one in waiting.stages[: waiting.stages.index("morning")] if one != "notify"]
    assert len(before) <= 6
    assert before[-1] == "gate"
    assert 0.8 * NIGHT / PERIOD < waiting.metrics.queries < 3 * NIGHT / PERIOD
    assert (waiting.outcome, waiting.awake < within) == (outcome, True)
    bounded(waiting)


@pytest.mark.parametrize(
    ("then", "outcome", "within"),
    [
        pytest.param(pushed, Outcome.SUPERSEDED, 40, id="a newer revision"),
        pytest.param(resumed, Outcome.PROMOTED, 200, id="resumed"),
        pytest.param(broken, Outcome.ROLLED_BACK, 20 * PERIOD, id="the revision breaks"),
    ],
)
def test_a_paused_step_waits_in_one_task(night: Any, then: Any, outcome: Outcome, within: float) -> None:
    """A person who pressed Pause in the evening finds it judged in the morning, at a scrape's pace."""
    stage = under_way()
    stage.signals.paused = True
    waiting = night(stage, then)
    before = [one for one in waiting.stages[: waiting.stages.index("morning")] if one != "notify"]
    assert before == ["scale up", "analyse"]
    assert waiting.metrics.queries < 3 * NIGHT / PERIOD
    assert (waiting.outcome, waiting.awake < within) == (outcome, True)
    bounded(waiting)


def test_a_step_without_data_waits_in_one_task_and_asks_seldom(night: Any) -> None:
    """Silence for a night, which `onNoData: hold` allows: a query now and then, and no growth."""
    waiting = night(under_way(), pushed, flows=False)
    before = [one for one in waiting.stages[: waiting.stages.index("morning")] if one != "notify"]
    assert before == ["scale up", "analyse"]
    assert (waiting.outcome, waiting.awake < 10) == (Outcome.SUPERSEDED, True)
    bounded(waiting)


def test_a_canary_that_is_deleted_while_a_gate_is_closed_is_let_go_at_once(night: Any) -> None:
    """Not when the gate opens, which nobody will open any more."""
    waiting = night(under_way("confirm-rollout", weight=0, step=-1), deleted)
    assert (waiting.outcome, waiting.awake < 10) == (Outcome.DELETED, True)
