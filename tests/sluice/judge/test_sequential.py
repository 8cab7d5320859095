"""The sequential judge: its error rates over whole releases, its speed, and what each verdict means."""

from __future__ import annotations

import random
from math import exp, isfinite, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.judge.gate import gated
from sluice.judge.judge import overwhelming
from sluice.judge.judgement import wilson
from sluice.judge.objective import Counts, Halves
from sluice.judge.policy import ALPHA, BETA, Policy
from sluice.judge.sequential import Look, word
from sluice.judge.state import JudgeState, MetricState
from sluice.judge.verdict import Silence, Verdict
from tests.sluice.judge.traffic import DURATION, PERIOD, SUCCESS, Block, Watch, binomial

LOOSE = Policy(alpha=0.05)
"""An error rate that can be seen in hundreds of releases."""
COUNT = st.integers(0, 200)
BLOCKS = st.lists(
    st.tuples(COUNT, COUNT, COUNT, COUNT).map(lambda four: (four[0], min(four[:2]), four[2], min(four[2:]))),
    max_size=12,
)
CLEAN: Block = (100, 0, 900, 0)
HELD = int(Policy().common_mode_timeout / PERIOD)


def at_most(events: int, trials: int, rate: float) -> bool:
    """Whether so many events are to be expected where each trial has at most that rate: three standard deviations."""
    return events <= trials * rate + 3 * sqrt(trials * rate * (1 - rate))


def fails(watch: Watch, blocks: list[Block]) -> bool:
    return any(judgement.verdict is Verdict.FAIL for judgement in watch.all(blocks))


# Error rates


@pytest.mark.parametrize("size", [1, 10], ids=["one request", "ten requests"])
@pytest.mark.parametrize("together", [False, True], ids=["each by itself", "all or nothing"])
def test_a_release_at_its_bound_is_failed_at_most_as_often_as_alpha_says(size: int, together: bool) -> None:
    """Beside a clean primary, with a look after every block: the whole judge, guards and gate and all, keeps it."""
    dice, releases, failed = random.Random(size), 150, 0
    for _ in range(releases):
        draws = [binomial(dice, size, 0.01) if not together else size * binomial(dice, 1, 0.01) for _ in range(40)]
        failed += fails(Watch(LOOSE, remembers=False), [(size, bad, 9 * size, 0) for bad in draws])
    assert at_most(failed, releases, LOOSE.alpha)


@pytest.mark.parametrize("shape", ["steady", "outage", "blips"])
def test_what_the_primary_suffers_alike_is_blamed_on_the_canary_at_most_as_often_as_alpha_says(shape: str) -> None:
    """The same failure rate on both halves, far beyond the objective, of any shape: the canary is not at fault."""
    dice, releases, failed = random.Random(len(shape)), 100, 0
    for _ in range(releases):
        blocks = []
        for number in range(30):
            level = {"steady": 0.2, "outage": 0.5 * (5 <= number < 25), "blips": float(dice.random() < 0.2)}[shape]
            blocks.append((5, binomial(dice, 5, level), 20, binomial(dice, 20, level)))
        failed += fails(Watch(LOOSE), blocks)
    assert at_most(failed, releases, LOOSE.alpha)


def test_an_outage_of_a_minute_that_both_share_is_held_and_forgiven() -> None:
    """While it lasts the step is held; when it is over the release goes on, and a failure of its own still takes it back."""
    dice, watch = random.Random(3), Watch()
    seen = {judgement.verdict for judgement in watch.all([CLEAN] * 10)}
    assert Verdict.HOLD not in seen
    outage = [(100, binomial(dice, 100, 0.5), 900, binomial(dice, 900, 0.5)) for _ in range(30)]
    assert {judgement.verdict for judgement in watch.all(outage)} == {Verdict.HOLD, Verdict.CONTINUE}
    after = [judgement.verdict for judgement in watch.all([CLEAN] * 400)]
    assert Verdict.FAIL not in after
    assert after[-1] is Verdict.PASS
    assert watch.until(Verdict.FAIL, (100, 50, 900, 0)) <= 6


def test_a_step_at_the_bound_passes_at_most_as_often_as_beta_says() -> None:
    """Exactly at the objective, looking after every block: a wrong PASS is rare, and only leads to the next step."""
    dice, steps, passed = random.Random(11), 60, 0
    for _ in range(steps):
        watch = Watch(Policy(design_effect=1.0))
        blocks = [(50, binomial(dice, 50, 0.01), 50, 0) for _ in range(40)]
        passed += any(judgement.verdict is Verdict.PASS for judgement in watch.all(blocks))
    assert at_most(passed, steps, BETA)


def test_bursts_of_the_canary_alone_do_not_fool_interleaved_bets() -> None:
    """Bursts that span two blocks, at exactly the allowed mean: odd and even blocks apart keep the error rate."""
    dice, policy, releases, failed = random.Random(17), Policy(alpha=0.05, interleave=True), 80, 0
    for _ in range(releases):
        watch, burst = Watch(policy, remembers=False), 0
        for _ in range(60):
            burst = 2 if burst == 0 and dice.random() < 0.01 / 0.3 / 2 else max(0, burst - 1)
            if watch.see((10, 3 if burst else 0, 90, 0)).verdict is Verdict.FAIL:
                failed += 1
                break
    assert at_most(failed, releases, policy.alpha)


def test_odd_and_even_blocks_are_bet_on_apart_and_averaged() -> None:
    """A burst over two blocks counts once in each of two wealths, which is far less than twice in one."""
    apart, together = Watch(Policy(interleave=True)), Watch()
    for watch in (apart, together):
        list(watch.all([CLEAN, (100, 30, 900, 0), (100, 30, 900, 0), CLEAN, CLEAN]))
    metric, whole = (watch.state.metrics[SUCCESS.metric.name] for watch in (apart, together))
    assert metric.odd is not None
    assert (metric.evidence.blocks, metric.odd.blocks) == (3, 2)
    assert (metric.evidence.bad, metric.odd.bad, metric.bad, metric.bad_blocks) == (30, 30, 60, 2)
    mean = (exp(metric.evidence.log_wealth) + exp(metric.odd.log_wealth)) / 2
    assert exp(metric.log_wealth) == pytest.approx(mean)
    assert metric.log_wealth < whole.log_wealth - 1


# Speed


@pytest.mark.parametrize(
    ("block", "most"),
    [
        pytest.param((20, 20, 180, 0), 2, id="everything fails"),
        pytest.param((20, 10, 180, 0), 3, id="half fails"),
        pytest.param((1, 1, 0, 0), 3, id="everything fails at one request a scrape, and nobody to compare with"),
        pytest.param((1, 1, 9, 0), 5, id="everything fails at one request a scrape"),
        pytest.param((2, 2, 18, 0), 5, id="everything fails at one request a second"),
        pytest.param((200, 20, 200, 0), 6, id="a tenth fails at half of the traffic"),
        pytest.param((20, 20, 180, 2), 2, id="everything fails beside a primary that is not perfect"),
    ],
)
def test_a_broken_release_is_failed_within_blocks(block: Block, most: int) -> None:
    """With an error rate of one in a thousand, from the first scrape with traffic on."""
    assert Watch().until(Verdict.FAIL, block) <= most


def test_a_total_failure_after_an_hour_of_good_traffic_fires_within_six_blocks() -> None:
    """A million good requests do not bury a regression."""
    watch = Watch()
    for _ in range(1800):
        watch.now += PERIOD
        name = SUCCESS.metric.name
        metric = watch.state.metrics.get(name) or MetricState.of(SUCCESS, watch.policy)
        seen, primary = metric.seen.requests + 556, (metric.primary or Counts()).requests + 5000
        after = metric.after(Counts(seen), Counts(primary), watch.now, watch.policy)
        watch.state = watch.state.with_metrics({name: after})
    watch.history[SUCCESS.metric.name] = [(watch.now, Halves(Counts(seen), Counts(primary)))]
    assert watch.until(Verdict.FAIL, (556, 556, 5000, 0)) <= 6


def test_a_good_step_passes_as_soon_as_it_has_shown_enough() -> None:
    """A service with traffic does not wait for the end of an interval: three blocks and ten seconds."""
    watch = Watch(step_started=0.0)
    assert watch.until(Verdict.PASS, (1000, 1, 9000, 9)) == 5
    assert Watch().until(Verdict.PASS, (10, 0, 90, 0)) in range(60, 93)


# What each verdict means


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
    assert "the primary had 50 %, no better, for" in judgements[-1].reason


def test_a_primary_that_recovers_first_does_not_fail_a_canary_that_was_held() -> None:
    """Once trouble was shared, only the comparison says that the canary is worse, even where it has most of the traffic."""
    watch = Watch(weight=90)
    list(watch.all([(90, 45, 10, 5)] * 10))
    first = watch.see((90, 45, 10**6, 0))  # so many that the primary's last minute is good at once
    metric = watch.state.metrics[SUCCESS.metric.name]
    assert metric.recent is not None
    assert metric.recent.primary.bad < 0.01 * metric.recent.primary.requests
    assert first.verdict is Verdict.HOLD
    assert metric.comparison.log_wealth < log(1 / ALPHA)


def test_trouble_that_is_shared_for_too_long_is_taken_back_as_a_precaution() -> None:
    """After five minutes the canary may be what poisons a dependency of both."""
    watch = Watch()
    needed = watch.until(Verdict.FAIL, (100, 50, 900, 450))
    assert HELD <= needed <= HELD + 5
    assert watch.state.failed.endswith("taken back as a precaution")
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
    """The gate is for comparison: without one the objective alone decides."""
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
        assert sum(exp(gated(watch.state, name)) for name in names) / 2 < 1 / ALPHA
    assert sum(exp(gated(watch.state, name)) for name in names) / 2 >= 1 / ALPHA
    slow = Watch(objectives=(SUCCESS, DURATION))
    judgement = [slow.see(CLEAN, (100, 1, 900, 9)) for _ in range(30)][-1]
    assert judgement.verdict is Verdict.CONTINUE
    assert "for request-duration so far" in judgement.reason
    assert "for request-success-rate so far" not in judgement.reason


def test_requests_between_two_buckets_are_held_neither_against_nor_for_a_release() -> None:
    """All may have been too slow and none certainly was: neither FAIL nor PASS."""
    watch, name = Watch(objectives=(DURATION,)), DURATION.metric.name
    for number in range(1, 100):
        halves = Halves(Counts(100 * number, 0, 50 * number), Counts(900 * number, 0, 450 * number))
        now = PERIOD * number
        judgement = watch.look(Look(now, now, 10, 0.0, {name: [(now, halves)]}, {name: halves}))
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


# Silence


def test_silence_of_both_halves_is_no_traffic_and_freezes_what_is_known() -> None:
    """Nobody asks: neither success nor failure, for as long as it lasts."""
    watch = Watch()
    list(watch.all([(10, 1, 90, 1)] * 3))
    before = watch.state.metrics[SUCCESS.metric.name]
    judgement = [watch.see((0, 0, 0, 0)) for _ in range(1000)][-1]
    after = watch.state.metrics[SUCCESS.metric.name]
    assert (judgement.verdict, judgement.silence) == (Verdict.NO_DATA, Silence.NO_TRAFFIC)
    assert (after.evidence, after.comparison, after.assurance) == (before.evidence, before.comparison, before.assurance)
    assert watch.see((10, 0, 90, 0)).silence is None


def test_a_canary_that_answers_nothing_while_the_primary_does_is_starved_and_failed_in_a_minute() -> None:
    """Requests that never come to an end are counted nowhere: by the primary's the canary should have had some."""
    watch = Watch(weight=10)
    list(watch.all([(10, 0, 90, 0)] * 3))
    silent = [watch.see((0, 0, 90, 0)) for _ in range(31)]
    kinds = [judgement.silence for judgement in silent]
    assert kinds[0] is None
    assert silent[5].verdict is Verdict.NO_DATA
    assert kinds[5] is Silence.STARVED
    assert [judgement.verdict for judgement in silent].index(Verdict.FAIL) == 29
    assert "while the primary answers" in watch.state.failed


def test_a_small_weight_is_no_starvation_and_a_new_weight_begins_anew() -> None:
    """At one percent few requests are to be expected; and those before the weight was raised were never the canary's."""
    watch = Watch(weight=1)
    assert {watch.see((0, 0, 50, 0)).silence for _ in range(35)} == {None}
    watch.weight = 50
    assert watch.see((0, 0, 5, 0)).silence is None


def test_no_samples_are_blindness_and_fail_a_release_only_after_minutes() -> None:
    """Whoever sees nothing holds the step; five minutes blind are too long for users."""
    watch = Watch()
    list(watch.all([CLEAN] * 20))
    assert watch.blind(5.0).silence is None
    judgement = watch.blind(5.0)
    assert (judgement.verdict, judgement.silence) == (Verdict.NO_DATA, Silence.BLIND)
    assert watch.blind(280.0).verdict is Verdict.NO_DATA
    assert watch.blind(20.0).verdict is Verdict.FAIL


def test_without_counted_metrics_there_is_nothing_to_be_silent_about() -> None:
    """A Canary that is judged by its owner's queries alone is neither passed nor failed here."""
    watch = Watch(objectives=())
    for seconds in (1.0, 100.0, 1000.0):
        assert watch.blind(seconds).verdict is Verdict.CONTINUE


# The memory


@settings(max_examples=25)
@given(BLOCKS, BLOCKS, st.booleans())
def test_a_worker_that_takes_over_judges_bit_for_bit_as_the_one_that_died(
    first: list[Block], then: list[Block], interleave: bool
) -> None:
    """What was written into the status and read back gives the same states and the same words."""
    watch, other = (Watch(Policy(interleave=interleave), (SUCCESS, DURATION)) for _ in range(2))
    list(watch.all(first))
    list(other.all(first))
    other.state = JudgeState.model_validate(other.state.model_dump(mode="json"))
    assert other.state == watch.state
    assert JudgeState.model_validate_json(watch.state.model_dump_json()) == watch.state
    assert list(other.all(then)) == list(watch.all(then))


def test_a_status_that_an_older_version_kept_still_loads_and_goes_on() -> None:
    """No comparison was kept: the first scrape after it has nothing to compare with, and the evidence goes on."""
    stakes = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    evidence = {"allowed": 0.01, "blocks": 2, "bad_blocks": 1, "requests": 100, "bad": 3, "stakes": stakes}
    kept = {"seen": {"requests": 100, "bad": 3}, "evidence": evidence}
    old = JudgeState.model_validate({"revision": "r1", "since": 1.5, "metrics": {SUCCESS.metric.name: kept}})
    new = old.with_counts(SUCCESS, Counts(120, 13), Counts(9000, 4000), at=10.0).metrics[SUCCESS.metric.name]
    assert (new.evidence.blocks, new.evidence.requests, new.evidence.bad) == (3, 120, 13)
    assert (new.comparison.blocks, new.primary) == (0, Counts(9000, 4000))
    then = new.after(Counts(140, 23), Counts(9200, 4000), 12.0, Policy())
    assert then.comparison.blocks == 1


@settings(max_examples=25)
@given(BLOCKS, st.integers(0, 7))
def test_more_bad_requests_of_the_canary_never_help_it_and_a_lower_alpha_never_fails_it_sooner(
    blocks: list[Block], at: int
) -> None:
    """The gated evidence points in one direction, and so does the error rate."""
    if not blocks:
        return
    at %= len(blocks)
    n, _, m, g = blocks[at]
    worse = [*blocks[:at], (n, n, m, g), *blocks[at + 1 :]]
    watches = [Watch(remembers=False), Watch(remembers=False), Watch(Policy(alpha=1e-9), remembers=False)]
    loose, failed, strict = (
        [judgement.verdict is Verdict.FAIL for judgement in watch.all(seen)]
        for watch, seen in zip(watches, (blocks, worse, blocks), strict=True)
    )
    wealth = [gated(watch.state, SUCCESS.metric.name) for watch in watches]
    assert wealth[1] >= wealth[0] - 1e-9
    assert sum(failed) >= sum(loose) >= sum(strict)


@settings(max_examples=25)
@given(st.lists(st.tuples(COUNT, st.booleans(), st.floats(0.01, 3.0)), min_size=1, max_size=25), st.data())
def test_a_missed_look_and_scrapes_within_one_block_change_nothing(
    scrapes: list[tuple[int, bool, float]], data: st.DataObject
) -> None:
    """Blocks are cut by the scrapes' own times: whoever looks seldom, or at every scrape, has the same evidence."""
    history, now, requests, bad = [], 0.0, 0, 0
    for more, fails_all, pause in scrapes:
        now, requests, bad = now + pause, requests + more, bad + more * fails_all
        history.append((now, Halves(Counts(requests, bad), Counts(9 * requests, 0))))
    name = SUCCESS.metric.name
    often, seldom = Watch(), Watch()
    for scrape in history:
        often.look(Look(scrape[0], scrape[0], 10, 0.0, {name: [scrape]}))
    cut = data.draw(st.integers(0, len(history)))
    for part in (history[:cut], history[cut:]):
        if part:
            seldom.look(Look(part[-1][0], part[-1][0], 10, 0.0, {name: part}))
    assert seldom.state.metrics == often.state.metrics


def test_halves_that_are_scraped_at_different_moments_share_their_blocks() -> None:
    """A scrape of the primary alone, a moment before the canary's, does not take its requests out of the comparison."""
    watch, name, now = Watch(), SUCCESS.metric.name, 0.0
    for number in range(1, 11):
        now = 2.0 * number
        early = Halves(Counts(10 * (number - 1)), Counts(90 * number))
        late = Halves(Counts(10 * number), Counts(90 * number))
        watch.look(Look(now, now, 10, 0.0, {name: [(now - 0.3, early), (now, late)]}))
    metric = watch.state.metrics[name]
    assert (metric.evidence.requests, metric.primary) == (100, Counts(900))
    assert metric.comparison.blocks >= 9


@pytest.mark.parametrize("bad", [0, 10_000_000, 1_000_000_000])
def test_huge_counts_give_finite_findings(bad: int) -> None:
    """A billion requests a scrape are judged without an overflow."""
    watch = Watch(Policy(design_effect=1.0))
    judgement = [watch.see((10**9, bad, 10**9, 10**9 - bad)) for _ in range(100)][-1]
    (finding,) = judgement.findings
    assert all(isfinite(one) for one in (finding.evidence, finding.comparison, finding.assurance))


# What people read


def test_the_reason_of_a_fail_tells_value_requests_bound_odds_and_the_primary() -> None:
    """A person can check it: `92 % over 400 requests (at least 99 % good); 12,400 : 1 …; the primary had 99.9 %`."""
    watch = Watch()
    watch.until(Verdict.FAIL, (100, 8, 1000, 1))
    judgement = word(watch.state.model_copy(update={"failed": ""}), watch.objectives)
    value, odds, primary = judgement.reason.split("; ")
    assert value.startswith("request-success-rate 92 % over ")
    assert value.endswith(" requests (at least 99 % good)")
    assert odds.endswith(" : 1 against the bound being kept")
    assert primary == "the primary had 99.9 %"


def test_findings_hold_the_counts_the_evidence_and_an_interval() -> None:
    """Charts and tables need no sentence to be taken apart."""
    watch = Watch()
    (finding,) = [watch.see((100, 8, 1000, 1)) for _ in range(2)][-1].findings
    assert (finding.canary, finding.primary, finding.allowed) == (Counts(200, 16), Counts(2000, 2), 0.01)
    low, high = finding.interval
    assert 0.04 < low < 0.08 < high < 0.13
    assert finding.evidence > 0 > finding.assurance
    assert finding.comparison > 0


def test_the_interval_is_wilson_s() -> None:
    """Between 0 and 1 even where nothing or everything failed; known values from Wilson's formula."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 0) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert wilson(100, 50) == (pytest.approx(0.4038, abs=1e-4), pytest.approx(0.5962, abs=1e-4))


def test_overwhelming_is_the_judge_s_fail_and_nothing_else() -> None:
    """Who only asks for evidence is told of no silence and of no held step."""
    watch = Watch()
    list(watch.all([(0, 0, 0, 0)] * 20))
    assert overwhelming(watch.state, watch.objectives) is None
    watch.until(Verdict.FAIL, (20, 20, 180, 0))
    found = overwhelming(watch.state, watch.objectives)
    assert found is not None
    assert found.verdict is Verdict.FAIL
    assert log(1 / ALPHA) <= watch.state.metrics[SUCCESS.metric.name].log_wealth
