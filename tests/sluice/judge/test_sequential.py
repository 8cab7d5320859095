"""The sequential judge: what each verdict means."""

from __future__ import annotations

from math import exp, log

import pytest

from sluice.judge.policy import ALPHA, Policy
from sluice.judge.rule import with_control
from sluice.judge.sequential import Look
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from tests.sluice.judge.traffic import DURATION, PERIOD, SUCCESS, Block, Watch

CLEAN: Block = (100, 0, 900, 0)
HELD = int(Policy().common_mode_timeout / PERIOD)


def test_fail_comes_before_pass_and_stays() -> None:
    """Where both could be said, FAIL is; and what was failed once is not passed by later success."""
    watch = Watch(Policy(beta=0.999999, least_step=0.0, least_blocks=1))
    assert watch.until(Verdict.FAIL, (20, 20, 180, 0)) <= 3
    first = watch.state.failed
    for judgement in watch.all([CLEAN] * 50):
        assert (judgement.verdict, judgement.reason) == (Verdict.FAIL, first)


@pytest.mark.parametrize("weight", [1, 10, 50, 51, 90, 99])
def test_trouble_that_the_primary_shares_is_held_at_any_weight(weight: int) -> None:
    """Neither more nor less traffic would tell anything: the step is held, with a sentence that says why."""
    watch = Watch(weight=weight)
    n, m = 10 * weight, 10 * (100 - weight)
    judgements = list(watch.all([(n, n // 2, m, m // 2)] * 20))
    assert judgements[-1].verdict is Verdict.HOLD
    assert Verdict.FAIL not in {judgement.verdict for judgement in judgements}
    said = judgements[-1].reason
    assert said.startswith(
        "canary and primary both break the objective: probably a shared dependency; "
        "the weight stays until it is over, five minutes at most. "
    )
    assert "so far: request-success-rate 50 % (" in said
    assert said.endswith("; the primary is at 50 %")


def test_a_primary_that_recovers_first_does_not_fail_a_canary_that_was_held() -> None:
    """Once trouble was shared, only the control says that the canary is worse, even where it has most of the traffic."""
    watch = Watch(weight=90)
    list(watch.all([(90, 45, 10, 5)] * 10))
    first = watch.see((90, 45, 10**6, 0))  # so many that the primary's last minute is good at once
    metric = watch.state.metrics[SUCCESS.metric.name]
    assert metric.recent is not None
    assert metric.recent.primary.bad < 0.01 * metric.recent.primary.requests
    assert first.verdict is Verdict.HOLD
    assert metric.control.log_wealth < log(1 / ALPHA)


def test_trouble_that_is_shared_for_too_long_is_rolled_back_as_a_precaution() -> None:
    """After five minutes the canary may be what poisons a dependency of both."""
    watch = Watch()
    needed = watch.until(Verdict.FAIL, (100, 50, 900, 450))
    assert HELD <= needed <= HELD + 5
    assert "rolled back as a precaution" in watch.state.failed
    assert watch.state.held_since is not None


@pytest.mark.parametrize(
    ("weight", "primary", "verdict"),
    [
        pytest.param(10, (0, 0), Verdict.FAIL, id="no primary to compare with"),
        pytest.param(100, (100, 50), Verdict.FAIL, id="all traffic is the canary's"),
        pytest.param(80, (100, 0), Verdict.FAIL, id="most of it is, and the primary is well"),
        pytest.param(80, (100, 50), Verdict.HOLD, id="most of it is, and the primary suffers too"),
        pytest.param(None, (100, 50), Verdict.HOLD, id="nobody knows the weight"),
    ],
)
def test_where_the_primary_says_too_little_the_evidence_decides(
    weight: int | None, primary: tuple[int, int], verdict: Verdict
) -> None:
    """The gate is for the control: without one the objective alone decides."""
    judgements = list(Watch(weight=weight).all([(100, 50, *primary)] * 8))
    assert judgements[-1].verdict is verdict


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([(1, 1, 9, 0), (1, 1, 9, 0)], id="two bad requests"),
        pytest.param([(1000, 1000, 9000, 0)], id="one scrape"),
        pytest.param([(1000, 1000, 9000, 0), *[(1, 0, 9, 0)] * 30], id="one scrape and good ones after it"),
    ],
)
def test_one_odd_scrape_or_two_odd_requests_never_fail_a_release(blocks: list[Block]) -> None:
    """The guards hold whatever the evidence says, and hold nothing up either."""
    assert {judgement.verdict for judgement in Watch().all(blocks)} <= {Verdict.CONTINUE, Verdict.PASS}


def test_metrics_share_one_error_budget_and_all_of_them_must_pass() -> None:
    """FAIL needs the mean of their evidence, PASS each of them."""
    watch = Watch(objectives=(SUCCESS, DURATION))
    assert watch.see((20, 9, 180, 0), CLEAN).verdict is Verdict.CONTINUE
    names = [SUCCESS.metric.name, DURATION.metric.name]
    while watch.see((20, 9, 180, 0), CLEAN).verdict is not Verdict.FAIL:
        assert sum(exp(with_control(watch.state, name, watch.policy)) for name in names) / 2 < 1 / ALPHA
    assert sum(exp(with_control(watch.state, name, watch.policy)) for name in names) / 2 >= 1 / ALPHA
    slow = Watch(objectives=(SUCCESS, DURATION))
    judgement = [slow.see(CLEAN, (100, 1, 900, 9)) for _ in range(30)][-1]
    assert judgement.verdict is Verdict.CONTINUE
    assert "request-duration keeps its objective by odds of " in judgement.reason
    assert "request-success-rate keeps its objective by odds of " not in judgement.reason


def test_requests_between_two_buckets_are_held_neither_against_nor_for_a_release() -> None:
    """All may have been too slow and none certainly was: neither FAIL nor PASS."""
    watch, name = Watch(objectives=(DURATION,)), DURATION.metric.name
    for number in range(1, 100):
        sides = Sides(Counts(100 * number, 0, 50 * number), Counts(900 * number, 0, 450 * number))
        now = PERIOD * number
        judgement = watch.look(Look(now, now, 10, 0.0, {name: [(now, sides)]}, {name: sides}))
        assert judgement.verdict is Verdict.CONTINUE


def test_each_step_has_to_show_it_anew_and_none_forgets_what_speaks_against_the_release() -> None:
    """A new step begins with no assurance and with all of the evidence."""
    watch = Watch()
    assert watch.until(Verdict.PASS, (1000, 2, 9000, 9)) == 5
    before = watch.state.metrics[SUCCESS.metric.name].evidence
    watch.step_started = watch.now + 0.5
    assert watch.see((1000, 2, 9000, 9)).verdict is Verdict.CONTINUE
    metric = watch.state.metrics[SUCCESS.metric.name]
    assert (metric.assurance.blocks, metric.evidence.blocks) == (1, before.blocks + 1)
