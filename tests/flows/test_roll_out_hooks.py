"""Webhooks that are no gates, in whole runs: they are called in time, and hold nothing up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from blocks.leases import worker
from flows import roll_out as story
from flows.rollout_run import RolloutRun
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tasks import run_signals
from tasks.rollout.hooks import feed
from tasks.scene.claim import claimed
from tests.connected import connected
from tests.flows.test_roll_out_night import Scraped
from tests.samples import gate, success_rate
from tests.tasks.conftest import Stage, parts, staged
from tests.virtual_time import in_no_time

HOUR, INTERVAL = 600.0, 60.0
"""A short hour: what is bounded in it is bounded in a night."""


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's sign of life is its own, and not what is tried here."""
    monkeypatch.setattr(worker, "RENEWAL", HOUR)
    monkeypatch.setattr(worker, "DURATION", 4 * HOUR)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))


def release(*kinds: str, **more: Any) -> Stage:
    """One under way at its only step, with a webhook of each type; the gates among them are closed."""
    analysis = {
        "interval": "1m",
        "stepWeights": [30],
        "webhooks": [gate(kind) for kind in kinds],
        "metrics": [success_rate(99)],
    }
    stage = staged({"analysis": analysis, "progressDeadlineSeconds": 86400}, step=0, stepStarted=time.time(), **more)
    stage.gates.closed, stage.metrics = set(kinds) - {"event", "post-rollout"}, Scraped()
    return stage


def carried(stage: Stage, then: Callable[[], None] = lambda: None, after: float = HOUR) -> tuple[RolloutRun, float]:
    """A run to its end, and how long it took since `then`, which happens after a while."""

    async def it() -> tuple[RolloutRun, float]:
        run_signals.bind(stage.signals)
        async with connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run") as lease:
            run = await story.resumed(stage.ref)
            run.cleaning, happened = True, 0.0

            async def later() -> None:
                nonlocal happened
                await asyncio.sleep(after)
                happened = time.time()
                then()

            person = asyncio.create_task(later())
            await story.brought(run, lease)
            took = time.time() - happened
            person.cancel()
            await run.flush()
            return run, took

    return in_no_time(it)


@pytest.mark.parametrize("waits", ["confirm-promotion", "confirm-traffic-increase"])
def test_a_release_that_waits_is_called_back_within_an_interval(waits: str) -> None:
    """And asked no more often: an hour of waiting are so many questions."""
    stage = release(waits, "rollback")
    run, took = carried(stage, lambda: stage.gates.closed.discard("rollback"))
    assert (run.outcome, took < 1.5 * INTERVAL) == (Outcome.ROLLED_BACK, True)
    assert run.reason.startswith("rollback hook ")
    assert HOUR / INTERVAL * 0.8 < stage.gates.asked.count("rollback") < HOUR / INTERVAL + 5


def test_a_release_before_its_first_gate_is_called_back_too() -> None:
    """Flagger does not ask there; whoever calls a release back means it wherever it is."""
    stage = release("confirm-rollout", "rollback", weight=0)
    stage.change("Canary", "shop", {"status": {"step": -1}})
    run, _ = carried(stage, lambda: stage.gates.closed.discard("rollback"))
    assert run.outcome is Outcome.ROLLED_BACK


def test_a_release_is_not_promoted_without_having_been_asked_about() -> None:
    """Right before: what was said a moment ago counts, not what was said an interval ago."""
    stage = release("confirm-promotion", "rollback")

    def at_once() -> None:
        stage.gates.closed.clear()

    run, _ = carried(stage, at_once, after=HOUR + 1)
    assert run.outcome is Outcome.ROLLED_BACK


def test_a_rollback_webhook_that_says_no_calls_nothing_back() -> None:
    """Nor one that is away, which is the same answer."""
    stage = release("rollback")
    run, _ = carried(stage)
    assert run.outcome is Outcome.PROMOTED


@pytest.mark.parametrize(
    ("closed", "outcome", "phase"),
    [(set(), Outcome.PROMOTED, Phase.SUCCEEDED), ({"rollout"}, Outcome.ROLLED_BACK, Phase.FAILED)],
)
def test_the_end_of_a_release_is_told_with_its_phase(closed: set[str], outcome: Outcome, phase: Phase) -> None:
    """Of either end, by the phase alone."""
    stage = release("rollout", "post-rollout")
    stage.gates.closed = closed
    run, _ = carried(stage)
    assert run.outcome is outcome
    assert [one for one in stage.gates.heard if one[0] == "post-rollout"] == [("post-rollout", str(phase), "")]


def test_a_post_rollout_webhook_that_fails_is_reported_and_changes_nothing() -> None:
    """People find it at the Canary."""
    stage = release("post-rollout")
    stage.gates.closed = {"post-rollout"}
    run, _ = carried(stage)
    assert run.outcome is Outcome.PROMOTED
    events = [one for (kind, _, _), one in stage.cluster.objects.items() if kind == "Event"]
    assert [one["reason"] for one in events] == ["PostRolloutFailed"]


def test_events_tell_a_release_in_order() -> None:
    """In Flagger's words where it has some, each with its phase."""
    stage = release("event")
    carried(stage)
    assert [(phase, message.split(":")[0]) for _, phase, message in stage.gates.heard] == [
        ("Promoting", "Copying shop.shop-test template spec to shop-primary.shop-test"),
        ("Finalising", "Routing all traffic to primary"),
        ("Succeeded", "Promotion completed! Scaling down shop.shop-test"),
    ]


def test_a_release_that_is_rolled_back_is_told() -> None:
    """With the reason, and the phase in which it ends."""
    stage = release("event", "rollout")
    carried(stage)
    heard = [(phase, message) for _, phase, message in stage.gates.heard]
    assert heard[-1] == ("Failed", "Canary failed! Scaling down shop.shop-test")
    assert heard[-2][1].startswith("Rolling back shop.shop-test ")


def test_a_service_that_is_slow_to_hear_holds_no_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not heard in time is given up, and its run ends."""
    stage, ask = release("event"), None

    async def slow(webhook: Any, canary: Any) -> Any:
        await asyncio.sleep(HOUR)
        return await ask(webhook, canary)  # type: ignore[misc]

    ask = stage.gates.ask
    monkeypatch.setattr(stage.gates, "ask", slow)

    async def it() -> float:
        began = time.time()
        run_signals.bind(stage.signals)
        async with connected(stage.cluster, **parts(stage)), claimed(stage.ref, "run") as lease:
            run = await story.resumed(stage.ref)
            run.cleaning = True
            await story.brought(run, lease)
            await run.flush()
        return time.time() - began

    assert in_no_time(it) < feed.LAST + 3 * INTERVAL
    assert stage.gates.heard == []
