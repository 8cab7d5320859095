"""Queries that a provider refuses, cannot execute or answers oddly: what becomes of the release that is judged by them."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.metrics.base import LimitError
from sluice.errors import InvalidError, NotFoundError
from sluice.judge.verdict import Verdict
from sluice.measures.series import Selector, Series
from sluice.rollout.strategies.base import Traffic
from tasks.rollout.analyse import analyse
from tasks.rollout.scale_up import scale_up
from tests.samples import NAMESPACE, duration, success_rate
from tests.tasks.conftest import Requests, Stage, staged
from tests.tasks.steps import over, told

OWN: dict[str, Any] = {"name": "own", "interval": "1m", "thresholdRange": {"max": 5}, "templateRef": {"name": "t"}}


def template(query: str = "q") -> dict[str, Any]:
    return {
        "apiVersion": "flagger.app/v1beta1",
        "kind": "MetricTemplate",
        "metadata": {"name": "t", "namespace": NAMESPACE},
        "spec": {"provider": {"type": "prometheus"}, "query": query},
    }


class Answers(Requests):
    """A provider that answers the user's queries with what a test says, or raises it."""

    said: Any = None

    async def value(self, query: str) -> float | None:
        if isinstance(self.said, Exception):
            raise self.said
        return None if self.said is None else float(self.said)


def step(said: Any, spec: dict[str, Any] | None = None, own: dict[str, Any] | None = None) -> Stage:
    """A step at the end of its interval, judged by a query of the user's own alone."""
    stage = over({"analysis": {"metrics": [own or OWN], **(spec or {})}, "progressDeadlineSeconds": 1.4})
    stage.metrics = Answers()
    stage.metrics.said = said
    stage.cluster.add(template())
    return stage


@pytest.fixture
def play(play: Any) -> Any:
    """Steps here wait up to a deadline of a second or so, which a busy machine would not leave time for."""
    return play


@pytest.mark.parametrize("every", [{}, {"every": "2s"}], ids=["at the end", "as a gauge"])
def test_a_refused_query_is_a_failed_check_with_the_reason(play: Any, every: dict[str, Any]) -> None:
    """A second series, a range vector, 400: no verdict at once, whatever `threshold` says; the template is named."""
    result = play(
        step(InvalidError("the query gives 2 series"), own=OWN | every), analyse, step=1, traffic=Traffic(30)
    ).step
    assert (result.judgement.verdict, result.fatal) == (Verdict.FAIL, False)
    assert "own cannot be measured: MetricTemplate t: the query gives 2 series" in result.judgement.reason


def test_a_provider_s_limits_hold_the_step(play: Any) -> None:
    """422 and 503 say nothing of the revision: the weight stays, up to the deadline."""
    stage = step(LimitError("too many samples"))
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.judgement.verdict, result.judgement.reason) == (Verdict.FAIL, "too many samples")
    assert said == ["1.1.0 waits at 30 %: too many samples"]


@pytest.mark.parametrize(
    ("bounds", "value", "verdict", "reason"),
    [
        ({"max": 5}, None, Verdict.NO_DATA, "nothing was measured for own (its query gives no series, or NaN"),
        ({"min": 5}, "inf", Verdict.NO_DATA, "nothing was measured for own (its query gives +inf (a division by 0?))"),
        ({"max": 5}, "-inf", Verdict.NO_DATA, "its query gives -inf"),
        ({"max": 5}, "inf", Verdict.FAIL, "own inf, objective at most 5"),
    ],
)
def test_no_number_is_no_data_with_its_reason_and_infinity_never_passes(
    play: Any, bounds: dict[str, float], value: Any, verdict: Verdict, reason: str
) -> None:
    """`onNoData: extend` shows what the check came to."""
    stage = step(value, own=OWN | {"thresholdRange": bounds})
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert result.fatal is (verdict is Verdict.NO_DATA)  # it waits for data up to the deadline
    assert reason in result.judgement.reason
    assert len(said) == (1 if verdict is Verdict.NO_DATA else 0)


class OneRefused(Requests):
    """Refuses what one metric is counted by, and counts the other's."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        if selector.metric.endswith("_bucket"):
            raise InvalidError("refuses the query")
        return await super().samples(selector, start, end)


def test_a_counted_metric_that_is_refused_fails_the_check_and_the_others_are_judged(play: Any) -> None:
    """What is wrong with one series neither ends the run nor hides what the other one shows."""
    stage = over({"analysis": {"metrics": [success_rate(99), duration(500)]}})
    stage.metrics = OneRefused()
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.judgement.verdict, result.fatal) == (Verdict.FAIL, False)
    assert result.judgement.reason == "request-duration cannot be measured: refuses the query"
    assert result.judgement.readings[0].value == 100.0


def test_a_variable_that_there_is_not_is_said_before_users_meet_the_revision(play: Any) -> None:
    """Not when the first step ends: no pod is made for a release that cannot be judged."""
    stage = staged({"analysis": {"metrics": [OWN]}}, weight=0, replicas=0)
    stage.cluster.add(template('x{job="{{ variables.team }}"}'))
    with pytest.raises(InvalidError, match=r"metric own: the template uses \{\{ variables.team \}\}; known are"):
        play(stage, scale_up)
    stage.cluster.objects.pop(("MetricTemplate", NAMESPACE, "t"))
    with pytest.raises(NotFoundError, match="t"):
        play(stage, scale_up)
    assert stage.now("Deployment", "shop")["spec"]["replicas"] == 0


class NoBuckets(Requests):
    """What was named as a histogram's buckets is a plain counter."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        return [
            Series({**one.labels, **bound}, one.samples)
            for one in await super().samples(selector, start, end)
            for bound in ({}, {"le": "often"})
        ]


def test_a_latency_that_is_counted_by_no_histogram_is_a_failed_check(play: Any) -> None:
    """A series without bounds ends no run with a word from inside of the code."""
    stage = over({"analysis": {"metrics": [duration(500)]}})
    stage.metrics = NoBuckets()
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.judgement.verdict, result.fatal) == (Verdict.FAIL, False)
    assert "a series whose label le is no bound ('none')" in result.judgement.reason
