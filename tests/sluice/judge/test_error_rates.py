"""How often whole releases are failed, held or passed in error, and how fast broken ones are found."""

from __future__ import annotations

import random
from math import exp

import pytest

from sluice.judge.policy import BETA, Policy
from sluice.judge.state import MetricState
from sluice.judge.verdict import Verdict
from sluice.measures.counts import Counts, Sides
from tests.sluice.judge.traffic import PERIOD, SUCCESS, Block, Watch, at_most, binomial, fails

LOOSE = Policy(alpha=0.05)
"""An error rate that can be seen in hundreds of releases."""
CLEAN: Block = (100, 0, 900, 0)


@pytest.mark.parametrize("size", [1, 10], ids=["one request", "ten requests"])
@pytest.mark.parametrize("together", [False, True], ids=["each by itself", "all or nothing"])
def test_a_release_at_its_bound_is_failed_at_most_as_often_as_alpha_says(size: int, together: bool) -> None:
    """Behind the gate, with a look after every block and whatever happens together inside one, where blocks alone decide."""
    dice, releases, failed, policy = random.Random(size), 150, 0, Policy(alpha=0.05, interleave=True)
    for _ in range(releases):
        draws = [binomial(dice, size, 0.01) if not together else size * binomial(dice, 1, 0.01) for _ in range(40)]
        failed += fails(Watch(policy, remembers=False), [(size, bad, 9 * size, 0) for bad in draws])
    assert at_most(failed, releases, policy.alpha)


@pytest.mark.parametrize("shape", ["steady", "outage", "blips"])
def test_what_the_primary_suffers_alike_is_blamed_on_the_canary_at_most_as_often_as_alpha_says(shape: str) -> None:
    """The same failure rate on both sides, far beyond the objective, of any shape: the canary is not at fault."""
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
        list(watch.all([(100, 30, 900, 0), (100, 30, 900, 0), *[CLEAN] * 3]))
    metric, whole = (watch.state.metrics[SUCCESS.metric.name] for watch in (apart, together))
    assert metric.odd is not None
    assert (metric.evidence.blocks, metric.odd.blocks) == (3, 2)
    assert (metric.evidence.bad, metric.odd.bad, metric.bad, metric.bad_blocks) == (30, 30, 60, 2)
    mean = (exp(metric.evidence.log_wealth) + exp(metric.odd.log_wealth)) / 2
    assert exp(metric.log_wealth) == pytest.approx(mean)
    assert metric.on_blocks < whole.on_blocks - 1


@pytest.mark.parametrize(
    ("block", "most"),
    [
        pytest.param((20, 20, 180, 0), 2, id="everything fails"),
        pytest.param((20, 10, 180, 0), 2, id="half fails"),
        pytest.param((1, 1, 0, 0), 3, id="everything fails at one request a scrape, and nobody to compare with"),
        pytest.param((1, 1, 9, 0), 5, id="everything fails at one request a scrape"),
        pytest.param((2, 2, 18, 0), 5, id="everything fails at one request a second"),
        pytest.param((200, 20, 200, 0), 6, id="a tenth fails at half of the traffic"),
        pytest.param((20, 20, 180, 2), 2, id="everything fails with a primary that is not perfect"),
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
        watch.state = watch.state.model_copy(update={"metrics": {name: after}})
    watch.history[SUCCESS.metric.name] = [(watch.now, Sides(Counts(seen), Counts(primary)))]
    assert watch.until(Verdict.FAIL, (556, 556, 5000, 0)) <= 6


def test_a_good_step_passes_as_soon_as_it_has_shown_enough() -> None:
    """A service with traffic does not wait for the end of an interval: three blocks and ten seconds."""
    watch = Watch(step_started=0.0)
    assert watch.until(Verdict.PASS, (1000, 1, 9000, 9)) == 5
    assert Watch().until(Verdict.PASS, (10, 0, 90, 0)) in range(30, 46)
    assert Watch(Policy(interleave=True)).until(Verdict.PASS, (10, 0, 90, 0)) in range(60, 93)


def test_requests_that_fail_together_take_longer_to_pass_than_the_same_one_by_one() -> None:
    """Ten bad requests in one block of ten say less about the rest than one in each."""
    spread_out = [(100, 1 if number % 10 == 0 else 0, 900, 0) for number in range(100)]
    at_once = [(100, 10 if number == 0 else 0, 900, 0) for number in range(100)]
    shown = []
    for blocks in (spread_out, at_once):
        watch = Watch()
        list(watch.all(blocks))
        shown.append(watch.findings()[0].assurance)
    assert shown[0] > 1.5 * shown[1] > 0
