"""Gauges in a step: looked at every so often, of canary and primary, and judged next to the requests."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sluice.errors import InvalidError, NotFoundError, TransientError
from sluice.judge.verdict import Verdict
from sluice.rollout.strategies.base import Traffic
from tasks.measuring import gauges
from tasks.rollout.analyse import analyse
from tests.samples import NAMESPACE, success_rate
from tests.tasks.conftest import Requests, Stage
from tests.tasks.steps import judged, over

AGE = {"name": "age", "every": "2s", "templateRef": {"name": "age"}, "thresholdRange": {"max": 30}}
QUERY = 'max(age{app="{{ target }}"})'
OF_CANARY, OF_PRIMARY = 'max(age{app="shop"})', 'max(age{app="shop-primary"})'


class Provider(Requests):
    """Notes what it is asked, and its clock runs fast: each look at it is two seconds later."""

    asked: list[str]
    ahead: float = 0.0
    away: bool = False

    def now(self) -> float:
        return time.time() + self.ahead

    async def value(self, query: str) -> float | None:
        if self.away:
            raise TransientError("away")
        self.asked.append(query)
        self.ahead += 1.0
        return await super().value(query)


def queued(make: Any, values: dict[str, float], query: str = QUERY, **status: Any) -> Stage:
    metrics = {"analysis": {"metrics": [success_rate(99), AGE]}}
    stage: Stage = make(metrics, **status)
    stage.metrics = Provider(values=values)
    stage.metrics.asked = []
    stage.cluster.add(
        {
            "apiVersion": "flagger.app/v1beta1",
            "kind": "MetricTemplate",
            "metadata": {"name": "age", "namespace": NAMESPACE},
            "spec": {"provider": {"type": "prometheus", "address": "http://prometheus.test"}, "query": query},
        }
    )
    return stage


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gauges, "EARLY", 1.0)


def test_a_gauge_that_stays_out_takes_the_release_back_in_the_middle_of_a_step(play: Any) -> None:
    """Requests go well, the queue does not: both were looked at next to the primary's."""
    stage = queued(judged, {OF_CANARY: 60.0, OF_PRIMARY: 5.0})
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (True, Verdict.FAIL)
    assert "age 0 % (0 of " in result.judgement.reason
    assert " the primary at 100 % (odds " in result.judgement.reason
    assert set(stage.metrics.asked) == {OF_CANARY, OF_PRIMARY}


def test_a_query_that_names_no_side_is_asked_once_and_compared_with_nobody(play: Any) -> None:
    """One queue for all: its owner says that it matters."""
    stage = queued(judged, {"age": 60.0}, query="age")
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert result.judgement.verdict is Verdict.FAIL
    assert "the primary" not in result.judgement.reason
    assert set(stage.metrics.asked) == {"age"}


def test_a_gauge_within_its_range_is_in_the_way_of_nothing(play: Any) -> None:
    """At the end of the step its value is checked as Flagger does."""
    result = play(queued(over, {OF_CANARY: 5.0, OF_PRIMARY: 60.0}), analyse, step=1, traffic=Traffic(30)).step
    assert result.judgement.verdict is Verdict.PASS
    assert [(one.metric, one.value, one.within) for one in result.judgement.readings][-1] == ("age", 5.0, True)


def test_a_gauge_is_looked_at_as_often_as_it_asks_for(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not at every scrape: a query of a user's own is not shared with other rollouts."""
    monkeypatch.setattr(gauges, "EARLY", 0.1)
    stage = queued(over, {OF_CANARY: 5.0})
    play(stage, analyse, step=1, traffic=Traffic(30))
    looks = stage.metrics.asked.count(OF_CANARY)
    # The first look of the step, the one with its first scrape, two seconds later by its clock, and the check at its end.
    assert looks == 3


def test_while_its_provider_is_away_nothing_passes_and_requests_are_judged_all_the_same(play: Any) -> None:
    """A release that fails its users is rolled back although nobody knows how old the queue is."""
    stage = queued(judged, {})
    stage.metrics.away, stage.metrics.fails = True, 0.5
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert "request-success-rate" in result.judgement.reason


@pytest.mark.parametrize(
    ("query", "error"),
    [pytest.param("{{ nobody }}", InvalidError, id="a variable"), pytest.param("", NotFoundError, id="no template")],
)
def test_what_is_wrong_with_a_template_is_the_user_s(play: Any, query: str, error: type[Exception]) -> None:
    """It is said, and not waited for."""
    stage = queued(judged, {}, query=query or "age")
    if not query:
        del stage.cluster.objects[("MetricTemplate", NAMESPACE, "age")]
    with pytest.raises(error):
        play(stage, analyse, step=1, traffic=Traffic(30))


@pytest.mark.parametrize("more", [{}, {"every": "2s"}], ids=["at the end", "as a gauge"])
def test_a_query_in_the_canary_itself_is_asked_of_its_own_prometheus(play: Any, more: dict[str, str]) -> None:
    """Flagger's older field: no MetricTemplate is needed, and `threshold` is the greatest good value."""
    metric = {"name": "age", "query": QUERY, "threshold": 30, **more}
    stage = (judged if more else over)({"analysis": {"metrics": [success_rate(99), metric]}})
    stage.metrics = Provider(values={OF_CANARY: 60.0, OF_PRIMARY: 5.0})
    stage.metrics.asked = []
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert result.judgement.verdict is Verdict.FAIL
    assert "age" in result.judgement.reason
    assert set(stage.metrics.asked) >= {OF_CANARY}
