"""What a step waits for and what it does not: sure evidence, the primary's own trouble, silence, a provider that is away."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import TransientError
from sluice.judge.verdict import Verdict
from sluice.measures.series import Selector, Series
from sluice.rollout.journal import judge_state
from sluice.rollout.strategies.base import Traffic
from tasks.rollout.analyse import analyse
from tests.samples import NAME, canary, counted_at, duration, gate, merged, success_rate
from tests.tasks.conftest import Requests, Stage
from tests.tasks.steps import judged, over, sure, told

AUTO = {"analysis": {"pace": "auto"}}


@pytest.fixture
def play(play: Any) -> Any:
    """Steps here wait up to a deadline of a second or so, which a busy machine would not leave time for."""
    return play


def test_a_step_ends_as_soon_as_the_evidence_is_sure(play: Any) -> None:
    """With `pace: auto` ten minutes are the most that it takes; the word says what it rests on."""
    result = play(sure(AUTO), analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (False, Verdict.PASS)
    assert result.judgement.readings[0].value == 100.0


def test_a_sure_step_asks_its_own_queries_and_gates_before_it_ends(play: Any) -> None:
    """What only they know may still be bad: it is no failed check before the interval is over, and it is asked again."""
    stage = sure(merged(AUTO, {"analysis": {"webhooks": [gate("rollout")]}}))
    stage.gates.closed = {"rollout"}

    async def ask(*args: Any) -> Any:
        if len(stage.gates.asked) == 2:
            stage.gates.closed = set()
        return await type(stage.gates).ask(stage.gates, *args)

    stage.gates.ask = ask  # type: ignore[method-assign]
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.judgement.verdict, stage.gates.asked) == (Verdict.PASS, ["rollout"] * 3)


def test_what_the_primary_suffers_too_holds_the_step(play: Any) -> None:
    """More traffic proves nothing then, and less neither; the hold and its reason are in the Canary's status."""
    stage = over({"progressDeadlineSeconds": 1.4, **AUTO})
    stage.change("Canary", NAME, {"status": {"stepStarted": time.time() - 601}})
    stage.metrics.fails = stage.metrics.primary_fails = 0.5
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, len(said)) == (True, 1)
    assert said[0].startswith("1.1.0 is held at 30 %: canary and primary both break the objective: ")
    assert "request-success-rate 50 % (" in said[0]


@pytest.mark.parametrize("pace", ["auto", "interval"])
def test_a_step_that_nobody_asks_calls_for_load_and_passes_by_it(play: Any, pace: str) -> None:
    """A quiet service's `rollout` webhook sends it requests, once an interval; what it answers then is no gate's word."""
    stage = over({"analysis": {"pace": pace, "webhooks": [gate("rollout")]}})
    stage.metrics.flows = False

    async def ask(*args: Any) -> Any:
        stage.metrics.flows = True
        return await type(stage.gates).ask(stage.gates, *args)

    stage.gates.ask = ask  # type: ignore[method-assign]
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.judgement.verdict, stage.gates.asked) == (Verdict.PASS, ["rollout"] * 2)


def test_a_webhook_that_sends_load_holds_no_step_up(play: Any) -> None:
    """It may take as long as its load: nobody waits, it is not called again meanwhile, and it ends with the step."""
    stage = over({"progressDeadlineSeconds": 1.4, "analysis": {"webhooks": [gate("rollout")]}})
    stage.metrics.flows = False
    called: list[str] = []

    async def ask(*args: Any) -> Any:
        called.append("called")
        try:
            await asyncio.Event().wait()
        finally:
            called.append("ended")

    stage.gates.ask = ask  # type: ignore[method-assign]
    assert play(stage, analyse, step=1, traffic=Traffic(30)).step.fatal
    assert called == ["called", "ended"]


def test_a_provider_that_is_away_passes_nothing(play: Any) -> None:
    """What was sure a moment ago is not said of the step that begins now."""
    stage = judged({**AUTO, "progressDeadlineSeconds": 1.2}, began=time.time() - 601)
    stage.metrics.error = TransientError("prometheus is away")
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.reason) == (True, "prometheus is away")
    assert said == ["1.1.0 waits at 30 %: prometheus is away"]


def test_what_the_primary_suffers_too_is_not_overwhelming(play: Any) -> None:
    """An outage of both halves ends no release in the middle of a step: the canary is no worse than what runs already."""
    stage = judged(began=time.time() - 596)
    stage.metrics.fails = stage.metrics.primary_fails = 0.5
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert not result.fatal
    kept = judge_state(canary(None, stage.status), stage.ref.revision, time.time())
    assert kept.held_since is not None
    assert kept.metrics["request-success-rate"].primary.requests > 0


@pytest.mark.parametrize("error", [None, TransientError("prometheus is away")], ids=["nothing measured", "away"])
def test_silence_holds_a_step_up_to_its_deadline(play: Any, error: Exception | None) -> None:
    """No data and no provider are no failed check; only when the deadline is over does the release end, with the reason."""
    stage = over({"progressDeadlineSeconds": 1.4})
    stage.change("Canary", NAME, {"status": {"stepStarted": time.time() - 600 - 1}})
    stage.metrics.flows, stage.metrics.error = False, error
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (True, Verdict.FAIL)
    assert ("prometheus is away" if error else "nothing was measured") in result.judgement.reason
    assert not stage.status.get("failedChecks")


@pytest.mark.parametrize(
    ("policy", "verdict"), [("fail", Verdict.FAIL), ("pass", Verdict.PASS)], ids=["a failed check", "goes on"]
)
def test_what_silence_means_is_the_manifests_to_say(play: Any, policy: str, verdict: Verdict) -> None:
    """At the end of the step, with a reason that names the policy; a failed check is not the end of the release."""
    stage = over({"analysis": {"onNoData": policy}})
    stage.metrics.flows = False
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (False, verdict)
    assert f"(onNoData: {policy})" in result.judgement.reason


def test_a_quiet_service_gets_one_interval_more_and_goes_on(play: Any) -> None:
    """`extend` waits as long again as the step, looks on meanwhile, and does not wait for ever."""
    stage = judged({"analysis": {"onNoData": "extend", "interval": "1s"}}, began=time.time() - 2)
    stage.metrics.flows = False
    asked = 0

    async def samples(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        return await type(stage.metrics).samples(stage.metrics, *args)

    stage.metrics.samples = samples  # type: ignore[method-assign]
    assert play(stage, analyse, step=1, traffic=Traffic(30)).step.judgement.verdict is Verdict.PASS
    assert asked > 1


def test_too_few_requests_are_no_data(play: Any) -> None:
    """Neither good nor bad: what was measured and how much is wanted are told."""
    stage = over({"analysis": {"onNoData": "fail", "minRequests": 10**9}})
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert result.judgement.verdict is Verdict.FAIL
    assert "1000000000 needed" in result.judgement.reason


def test_two_metrics_are_judged_together(play: Any) -> None:
    """Latency without buckets is no data: the step is held although the success rate is fine."""
    stage = over({"progressDeadlineSeconds": 1.3, "analysis": {"metrics": [success_rate(99), duration(500)]}})
    stage.change("Canary", NAME, {"status": {"stepStarted": time.time() - 601}})
    real = stage.metrics.samples

    async def samples(selector: Selector, start: float, end: float) -> Any:
        return [] if selector.metric == "envoy_cluster_upstream_rq_time_bucket" else await real(selector, start, end)

    stage.metrics.samples = samples  # type: ignore[method-assign]
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert "nothing was measured for request-duration" in result.judgement.reason


class Unanswered(Requests):
    """The canary's Service is gone: what is counted of it ends a while ago, and all of that was good."""

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        found = await super().samples(selector, start, end)
        gone = time.time() - 300
        return [
            replace(one, samples=tuple((at, min(value, 5.0 * int(gone * 10))) for at, value in one.samples))
            if one.labels == counted_at("canary")
            else one
            for one in found
        ]


@pytest.mark.parametrize("spec", [{}, AUTO], ids=["interval", "auto"])
def test_requests_that_are_missing_from_the_canary_s_share_hold_the_step(play: Any, spec: dict[str, Any]) -> None:
    """The data plane answers itself what it has no backend for: nobody's counter says so, and the rest is 100 % good."""
    stage = over({"progressDeadlineSeconds": 1.4, **spec})
    stage.change(
        "Canary", NAME, {"status": {"stepStarted": time.time() - 601, "evidence": {"since": time.time() - 601}}}
    )
    stage.metrics = Unanswered()
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (True, Verdict.FAIL)  # only the deadline ends it
    assert "where its weight is 30 %" in result.judgement.reason
    assert said[0].startswith("1.1.0 is held at 30 %: the canary answered 0 of ")


class AnsweredByTheRoute(Unanswered):
    """The data plane answers the canary's share itself, with errors that its listener counts."""

    def __init__(self, *, ended: bool = False, down: bool = False) -> None:
        super().__init__()
        self.ended, self.down = ended, down

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        if selector.metric == "envoy_cluster_upstream_rq_xx":
            return await super().samples(selector, start, end)
        assert (selector.label, selector.values) == ("envoy_http_conn_manager_prefix", frozenset())
        if self.down:
            raise TransientError("prometheus is away")
        ticks = [tick / 10 for tick in range(int(start * 10) + 1, int(end * 10) + 1)]
        still = Series({selector.label: "stats"}, tuple((at, 7.0) for at in ticks))
        if selector.metric != "envoy_http_rq_direct_response":
            return [still]
        last = time.time() - 120 if self.ended else end
        return [still, Series({selector.label: "http-80"}, tuple((at, 20.0 * min(at, last)) for at in ticks))]


def missed(metrics: Requests, **spec: Any) -> Stage:
    """A step at 30 % that began some time ago, of which nobody has counted a request for five minutes."""
    stage = over({"progressDeadlineSeconds": 1.4, **spec})
    began = {"stepStarted": time.time() - 601, "evidence": {"since": time.time() - 601}}
    stage.change("Canary", NAME, {"status": began})
    stage.metrics = metrics
    return stage


@pytest.mark.parametrize("spec", [{"progressDeadlineSeconds": 600}, AUTO], ids=["interval", "auto"])
def test_requests_that_the_route_failed_and_nobody_served_end_the_release_at_once(
    play: Any, spec: dict[str, Any]
) -> None:
    """Its share of the users meets errors now: the deadline is not waited for."""
    stage = missed(AnsweredByTheRoute(), **spec)
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert (result.fatal, result.judgement.verdict) == (True, Verdict.FAIL)
    assert result.judgement.reason.startswith("the data plane answered 1,")
    assert "where its weight is 30 %" in result.judgement.reason
    assert not said, "it never was held"


@pytest.mark.parametrize(
    "metrics", [AnsweredByTheRoute(ended=True), AnsweredByTheRoute(down=True)], ids=["long ago", "not read"]
)
def test_errors_of_the_route_that_are_over_or_cannot_be_read_hold_as_before(play: Any, metrics: Requests) -> None:
    """What a listener counted before says nothing of now."""
    stage = missed(metrics)
    said = told(stage)
    result = play(stage, analyse, step=1, traffic=Traffic(30)).step
    assert "the data plane answered" not in result.judgement.reason
    assert said[0].startswith("1.1.0 is held at 30 %: the canary answered 0 of ")


def test_what_goes_by_matching_has_no_share_to_be_missing(play: Any) -> None:
    """Requests that are chosen by a header are as many as there are."""
    stage = over()
    stage.metrics = Unanswered()
    traffic = Traffic(30, match=({"headers": {"x-canary": {"exact": "always"}}},))
    assert "weight" not in play(stage, analyse, step=1, traffic=traffic).step.judgement.reason
