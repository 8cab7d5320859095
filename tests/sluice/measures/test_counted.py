"""Ratios and latencies by series that a user names."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary_metric import CanaryMetric
from sluice.measures.counted import telemetry_of
from sluice.measures.counts import Counts, Sides
from sluice.measures.objective import Objective, Telemetry
from sluice.measures.series import Series
from sluice.measures.tally import Tally
from tests.samples import canary, success_rate

USUAL = Telemetry(total="t", buckets="b", side_label="h", canary="c", primary="p", bad={"class": "5"})


def metric(counted: dict[str, Any], bounds: dict[str, float] | None = None) -> CanaryMetric:
    said = {"name": "orders", "thresholdRange": bounds or {"min": 99}, "counted": {"series": "orders", **counted}}
    return CanaryMetric.model_validate(said)


def grown(of: CanaryMetric, *many: tuple[dict[str, str], float]) -> Sides:
    tally = Tally(Objective.of(of), telemetry_of(of, canary(), USUAL), 0.0, span=60.0)
    tally.add(
        [
            Series({"service": service, **labels}, ((0.0, 0.0), (2.0, value)))
            for (labels, value) in many
            for service in (labels.pop("of", "shop-canary"),)
        ]
    )
    return tally.sides


def test_a_metric_without_series_of_its_own_is_counted_by_the_data_plane() -> None:
    """As the router says."""
    built_in = CanaryMetric.model_validate(success_rate())
    assert telemetry_of(built_in, canary(), USUAL) is USUAL


def test_by_default_the_halves_are_the_services_of_this_namespace() -> None:
    """The labels that a Prometheus in Kubernetes gives; no other namespace's shop is counted."""
    telemetry = telemetry_of(metric({"bad": {"result": "lost"}}), canary(), USUAL)
    selector = telemetry.selector(Objective.of(metric({"bad": {"result": "lost"}})))
    assert (selector.metric, selector.label) == ("orders", "service")
    assert selector.values == {"shop-canary", "shop-primary"}
    assert selector.where == {("namespace", "shop-test")}


@pytest.mark.parametrize(
    ("counted", "bad"),
    [
        pytest.param({"bad": {"code": "5.."}}, 7, id="what is bad"),
        pytest.param({"good": {"code": "[23].."}}, 17, id="what is good: all else is bad"),
        pytest.param({"good": {"code": "2"}}, 107, id="a part of a value is no match"),
        pytest.param({"bad": {"code": "5..", "path": "/pay"}}, 0, id="every label has to match"),
    ],
)
def test_good_and_bad_are_told_by_labels(counted: dict[str, Any], bad: int) -> None:
    """Of all that the counter counted."""
    sides = grown(
        metric(counted),
        ({"code": "200"}, 90.0),
        ({"code": "404"}, 10.0),
        ({"code": "503"}, 7.0),
        ({"code": "200", "of": "shop-primary"}, 50.0),
    )
    assert sides.canary == Counts(107, bad)
    assert sides.primary.requests == 50


def test_a_histogram_is_held_against_its_own_quantile() -> None:
    """95 % within 300 ms, counted in seconds: one in twenty may be slower."""
    slow = metric({"quantile": 0.95}, {"max": 300})
    sides = grown(slow, ({"le": "0.3"}, 90.0), ({"le": "+Inf"}, 100.0))
    assert sides.canary == Counts(100, 10)
    assert (
        str(Objective.of(slow).reading(sides.canary))
        == "orders 90 % (90 of 100 requests), objective 95 % within 300 ms"
    )


def test_a_ratio_that_is_mostly_bad_may_be_asked_for() -> None:
    """A cache that has to hit three in ten: seven misses in ten are no evidence against it."""
    objective = Objective.of(metric({"good": {"hit": "yes"}}, {"min": 30}))
    assert objective.allowed == 0.7
    assert objective.reading(Counts(100, 70)).within


def test_an_unknown_variable_is_refused_by_name() -> None:
    """A value with a hole in it would count something else."""
    with pytest.raises(InvalidError, match=r"\{\{ servce \}\}; known are"):
        telemetry_of(metric({"bad": {"a": "b"}, "canary": "{{ servce }}"}), canary(), USUAL)
