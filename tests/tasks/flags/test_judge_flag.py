"""A step of a FlagRollout is judged by what judges Canaries: users of both sides where series tell them apart."""

from __future__ import annotations

import time
from typing import Any

import pytest

from blocks.metrics.memory import MemoryMetrics
from sluice.errors import StaleError, TransientError
from sluice.flags.raising import decide
from sluice.judge.verdict import Verdict
from sluice.measures.series import Series
from tasks.flags import judge_flag as judging
from tasks.flags.judge_flag import closed_before, judge_flag
from tasks.flags.raise_flag import act_on_flag
from tasks.flags.rollout_scene import looked, write
from tests.tasks.flags.ground import METRIC, REF, SERVED, Ground, ground

APP = {"app": "shop", "instance": "a"}


class Counting(MemoryMetrics):
    """Counters that grow with time since they were made; those of a side that fails have errors too."""

    def __init__(self, *kinds: tuple[dict[str, str], float]) -> None:
        super().__init__()
        self.began, self.kinds = time.time(), kinds

    async def samples(self, selector: Any, start: float, end: float) -> list[Series]:
        now = time.time()
        moments = [self.began - 4 + number * 0.5 for number in range(int((now - self.began + 4) / 0.5) + 1)]
        self.series = {
            "orders_total": [
                Series(APP | labels, tuple((at, max(at - self.began + 4, 0.0) * rate) for at in moments))
                for labels, rate in self.kinds
            ]
        }
        return await super().samples(selector, start, end)


class Away(MemoryMetrics):
    """Never answers."""

    async def samples(self, *_: Any) -> list[Series]:
        raise TransientError("the provider is away")


def sides(bad_on: float, bad_off: float = 0.0) -> Counting:
    """100 requests a second of each side, and so many bad ones."""
    return Counting(
        ({"variant": "true", "code": "200"}, 100.0),
        ({"variant": "true", "code": "500"}, bad_on),
        ({"variant": "false", "code": "200"}, 100.0),
        ({"variant": "false", "code": "500"}, bad_off),
    )


async def judged(made: Ground) -> Any:
    """What the step under way comes to, once the flag is at its first share."""
    async with made.acting():
        for _ in range(4):
            now = await looked(REF)
            assert now is not None
            decision = decide(now.rollout, now.flag, None, now.now)
            if decision.act == "judge":
                return await judge_flag.fn(REF, now, decision)
            await act_on_flag.fn(REF, now, decision)
    raise AssertionError("the flag was not raised")


async def test_users_of_the_flag_are_judged_against_the_others() -> None:
    """Where both sides fare well the step passes, and it is said how they were divided."""
    found = await judged(ground(sides(bad_on=0.0)))
    assert (found.verdict, found.judged) == (Verdict.PASS, "split by variant")


async def test_a_flag_that_harms_its_users_fails_before_its_interval_is_over() -> None:
    """The evidence speaks at every scrape."""
    made = ground(sides(bad_on=150.0))
    item = made.cluster.objects[("FlagRollout", REF.namespace, REF.name)]
    item["spec"]["analysis"]["interval"] = "10m"
    found = await judged(made)
    assert (found.verdict, found.fatal) == (Verdict.FAIL, True)
    assert "orders" in found.reason


OTHERS = (
    ({"app": "web", "variant": "true", "code": "500"}, 150.0),
    ({"app": "web", "variant": "false", "code": "200"}, 99.0),
)


async def test_series_of_another_application_are_not_counted() -> None:
    """They have the label of the variant too; what the metric's own label says stays a condition."""
    both = Counting(*sides(bad_on=0.0).kinds, *OTHERS)
    found = await judged(ground(both))
    assert (found.verdict, found.judged) == (Verdict.PASS, "split by variant")


async def test_another_application_s_variants_do_not_divide_this_one_s_users() -> None:
    """It writes no such label: what comes after the step is judged."""
    found = await judged(ground(Counting(({"code": "200"}, 100.0), *OTHERS)))
    assert (found.verdict, found.judged) == (Verdict.PASS, "before/after")


async def test_a_metric_that_names_no_side_of_its_own_is_divided_by_the_variant_alone() -> None:
    """The names of a Canary's sides are no condition where nobody wrote them."""
    counted = {name: value for name, value in SERVED.items() if name not in ("canary", "label")}
    analysis = {"interval": "2s", "stepWeights": [10, 50], "metrics": [{**METRIC, "counted": counted}]}
    made = ground(sides(bad_on=150.0), analysis=analysis)
    found = await judged(made)
    assert (found.verdict, found.judged) == (Verdict.FAIL, "split by variant")


async def test_without_the_label_what_comes_after_the_step_is_judged_and_said_so() -> None:
    """Nobody is the control then."""
    plain = Counting(({"code": "200"}, 100.0), ({"code": "500"}, 150.0))
    found = await judged(ground(plain))
    assert (found.verdict, found.judged) == (Verdict.FAIL, "before/after")


async def test_the_evidence_is_kept_in_the_journal() -> None:
    """A worker that takes over judges on."""
    made = ground(sides(bad_on=0.0))
    await judged(made)
    status = made.rollout.status
    assert status.evidence is not None
    assert status.evidence["since"] == status.began_at
    assert status.judged == "split by variant"


async def test_gates_are_asked_with_the_name_of_the_flag_rollout() -> None:
    """Before the first share, at the end of a step, and before everybody gets it."""
    made = ground(sides(bad_on=0.0))
    item = made.cluster.objects[("FlagRollout", REF.namespace, REF.name)]
    item["spec"]["analysis"]["webhooks"] = [
        {"name": kind, "type": kind, "url": "http://gate"}
        for kind in ("confirm-rollout", "rollout", "confirm-promotion")
    ]
    item["spec"]["analysis"]["stepWeights"] = [10]
    made.gates.closed = {"confirm-rollout", "confirm-promotion"}
    async with made.wired():
        now = await looked(REF)
        assert now is not None
        assert "confirm-rollout" in await closed_before.fn(REF, now)
    found = await judged(made)
    assert (found.verdict, found.closed) == (Verdict.PASS, "gate confirm-promotion: closed")
    assert made.gates.asked == ["confirm-rollout", "rollout", "confirm-promotion"]


async def test_a_provider_that_is_away_is_waited_for_until_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of the flag meanwhile: it is not raised, and after the deadline it goes back."""
    monkeypatch.setattr(judging, "AWAY", 0.05)
    found = await judged(ground(Away(), progressDeadlineSeconds=1))
    assert (found.verdict, found.reason, found.fatal) == (Verdict.FAIL, "the provider is away", True)


async def test_the_journal_is_fenced() -> None:
    """A look that is old writes nothing."""
    made = ground(sides(bad_on=0.0))
    async with made.acting():
        now = await looked(REF)
        assert now is not None
        await write(now.rollout, now.rollout.status)
        with pytest.raises(StaleError):
            await write(now.rollout, now.rollout.status)
