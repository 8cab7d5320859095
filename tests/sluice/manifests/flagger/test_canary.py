"""`flagger.app/v1beta1` Canary: manifests mean here what they meant in Flagger, or say that they do not."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flagger.canary import Canary
from tests.samples import canary, canary_manifest, success_rate

STEPS = {"stepWeights": [10, 50]}
LEAST = {
    "apiVersion": "flagger.app/v1beta1",
    "kind": "Canary",
    "metadata": {"name": "shop", "namespace": "test"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "service": {"port": 80},
        "analysis": {
            "stepWeight": 10,
            "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
            "webhooks": [{"name": "e2e", "url": "http://gate.test/"}],
        },
    },
}


def valued(model: Any, path: str) -> Any:
    for part in path.split("."):
        model = model[int(part)] if part.isdigit() else getattr(model, part)
    return model


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.progress_deadline_seconds", 600),
        ("spec.skip_analysis", False),
        ("spec.suspend", False),
        ("spec.provider", ""),
        ("spec.metrics_server", ""),
        ("spec.analysis.interval", 60),
        ("spec.analysis.failures_allowed", 1),
        ("spec.analysis.primary_ready_threshold", 100),
        ("spec.analysis.canary_ready_threshold", 100),
        ("spec.analysis.weights", (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)),
        ("spec.analysis.metrics.0.interval", 60),
        ("spec.analysis.webhooks.0.type", "rollout"),
        ("spec.analysis.webhooks.0.timeout", 10),
        ("spec.analysis.webhooks.0.retries", 0),
        ("spec.service.port_name", "http"),
        ("service_name", "shop"),
        ("target", "shop"),
        ("primary", "shop-primary"),
        ("status.phase", None),
        ("analysed", True),
    ],
)
def test_what_is_not_written_is_flagger_s_default(path: str, value: Any) -> None:
    """A manifest that says little means what Flagger's users are used to."""
    assert valued(Canary.parse(LEAST), path) == value


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        pytest.param({"stepWeight": 10, "maxWeight": 50}, (10, 20, 30, 40, 50), id="even steps"),
        pytest.param({"stepWeight": 20, "maxWeight": 50}, (20, 40, 50), id="a last step that is shorter"),
        pytest.param({"stepWeight": 60, "maxWeight": 50}, (50,), id="a step above the highest weight"),
        pytest.param({"stepWeight": 50}, (50, 100), id="up to everything"),
        pytest.param({"stepWeights": [1, 2, 10, 80]}, (1, 2, 10, 80), id="a list"),
        pytest.param({"stepWeights": [5], "stepWeight": 10, "maxWeight": 50}, (5,), id="the list wins"),
    ],
)
def test_the_weights_of_the_steps(analysis: dict[str, Any], weights: tuple[int, ...]) -> None:
    """stepWeight and maxWeight, or stepWeights."""
    assert valued(canary({"analysis": {"stepWeights": None, **analysis}}), "spec.analysis.weights") == weights


@pytest.mark.parametrize(("threshold", "allowed"), [(-3, 1), (0, 1), (1, 1), (5, 5)])
def test_a_threshold_of_nothing_means_one(threshold: int, allowed: int) -> None:
    """As Flagger reads it."""
    assert valued(canary({"analysis": {"threshold": threshold}}), "spec.analysis.failures_allowed") == allowed


@pytest.mark.parametrize(
    ("spec", "field", "way_out"),
    [
        pytest.param({"service": {"port": 0}}, "spec.service.port", "1", id="a port that is none"),
        pytest.param({"service": {"port": None}}, "spec.service.port", "required", id="no port"),
        pytest.param({"analysis": {"interval": "soon"}}, "spec.analysis.interval", "30s", id="no duration"),
        pytest.param({"analysis": {"stepWeights": [0, 5]}}, "stepWeights", "between 1 and 100", id="a weight of 0"),
        pytest.param({"analysis": {"stepWeights": [50, 101]}}, "stepWeights", "between 1 and 100", id="above 100"),
        pytest.param({"analysis": {"stepWeights": [50, 20]}}, "stepWeights", "must rise", id="falling weights"),
        pytest.param({"analysis": {"stepWeights": None}}, "stepWeight", "set stepWeight", id="no steps"),
        pytest.param(
            {"analysis": {"stepWeights": None, "stepWeight": 101}}, "stepWeight", "100", id="a step above all"
        ),
        pytest.param(
            {"analysis": {"metrics": [{"name": "request-success-rate"}]}}, "metrics.0", "thresholdRange", id="no bound"
        ),
        pytest.param(
            {"analysis": {"metrics": [{"name": "own", "thresholdRange": {"max": 1}}]}},
            "metrics.0",
            "templateRef",
            id="neither built in nor a template",
        ),
        *(
            pytest.param({"analysis": {"metrics": [{"thresholdRange": {"min": 99}, "name": "own", **metric}]}}, *said)
            for metric, *said in (
                ({"counted": {"series": "x"}}, "counted", "exactly one of good, bad"),
                ({"counted": {"series": "x", "good": {"a": "b"}, "quantile": 0.9}}, "counted", "exactly one of"),
                ({"counted": {"series": "x", "bad": {"code": "5(("}}}, "5((", "no regular expression"),
                ({"counted": {"series": "rate(x[1m])", "bad": {"a": "b"}}}, "counted.series", "pattern"),
                ({"counted": {"series": "x", "quantile": 0.9}}, "own", "needs thresholdRange.max"),
                ({"counted": {"series": "x", "bad": {"a": "b"}}, "templateRef": {"name": "t"}}, "own", "take one of"),
                ({"name": "request-success-rate", "thresholdRange": {"min": 0}}, "thresholdRange.min", "percentage"),
                ({"every": "5s"}, "own has every", "add a templateRef"),
                ({"every": "1s", "templateRef": {"name": "t"}}, "every", "greater than or equal to 2"),
            )
        ),
        pytest.param(
            {"analysis": {"webhooks": [{"name": "x", "url": "gate.test/x"}]}}, "webhooks.0.url", "://", id="no address"
        ),
        pytest.param(
            {"analysis": {"webhooks": [{"name": "x", "url": "http://x", "type": "pre-rolout"}]}},
            "webhooks.0.type",
            "pre-rollout",
            id="a type with a slip",
        ),
        pytest.param({"analysis": {"metrics": {}}}, "spec.analysis.metrics", "", id="an object where a list belongs"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_should_be(spec: dict[str, Any], field: str, way_out: str) -> None:
    """The message names the Canary, the field by its path, and the way out."""
    with pytest.raises(InvalidError) as caught:
        canary(spec)
    assert str(caught.value).startswith("Canary shop-test/shop is not valid: ")
    assert field in str(caught.value)
    assert way_out in str(caught.value)


@pytest.mark.parametrize(
    ("metric", "needed"),
    [
        ({"name": "request-success-rate", "thresholdRange": {"max": 1}}, "min"),
        ({"name": "request-duration", "thresholdRange": {"min": 1}}, "max"),
    ],
)
def test_a_built_in_metric_with_its_bound_on_the_wrong_side_is_refused(metric: dict[str, Any], needed: str) -> None:
    """A success rate has a least value, a duration a greatest one; anything else would never fail."""
    with pytest.raises(InvalidError, match=rf"thresholdRange\.{needed}"):
        canary({"analysis": {"metrics": [metric]}})


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param(
            {"analysis": {"mirror": True, "mirrorWeight": 5}},
            ["spec.analysis.mirror", "spec.analysis.mirrorWeight"],
            id="strategies",
        ),
        pytest.param({"analysis": {"stepWeightPromotion": 20}}, ["spec.analysis.stepWeightPromotion"], id="promotion"),
        pytest.param({"autoscalerRef": {"name": "hpa"}}, ["spec.autoscalerRef"], id="autoscaler"),
        pytest.param({"revertOnDeletion": True}, [], id="deletion is acted on"),
        pytest.param(
            {"service": {"headers": {}, "cors": {}}}, ["spec.service.cors", "spec.service.headers"], id="routing"
        ),
        pytest.param({"analysis": {"alerts": [{"name": "x"}]}}, ["spec.analysis.alerts"], id="alerts"),
        pytest.param(
            {"analysis": {"metrics": [{**success_rate(), "query": "x"}]}},
            ["spec.analysis.metrics[0].query"],
            id="query",
        ),
        pytest.param({"colour": "blue"}, ["spec.colour"], id="what nobody knows"),
        pytest.param(
            {"analysis": {"primaryReadyThreshold": 50}}, ["spec.analysis.primaryReadyThreshold"], id="primary readiness"
        ),
    ],
)
def test_a_field_that_nobody_obeys_is_reported_by_its_path(spec: dict[str, Any], paths: list[str]) -> None:
    """A setting that a user believes in and sluice does not act on is never dropped silently."""
    assert sorted(canary(spec).spec.unsupported("spec")) == paths


STRATEGIES: list[tuple[dict[str, Any], str]] = [
    ({"stepWeights": [], "stepWeight": 0}, "set stepWeight or stepWeights for a weighted canary, or iterations"),
    ({"iterations": 3, "match": [{"headers": {"x": {"exact": "y"}}}]}, "A/B testing, which sluice cannot do yet"),
    ({"iterations": 3, "comparison": {}}, "blue/green has none"),
]


@pytest.mark.parametrize(("analysis", "why"), STRATEGIES, ids=["none", "A/B", "blue/green compared"])
def test_a_strategy_that_cannot_be_run_is_refused_with_the_way_out(analysis: dict[str, Any], why: str) -> None:
    """Running another strategy than the one that was asked for would be worse."""
    with pytest.raises(InvalidError, match=why):
        canary({"analysis": analysis})


@pytest.mark.parametrize("analysis", [{}, {"analysis": None}], ids=["skipped", "missing"])
def test_a_canary_that_skips_its_analysis_promotes_what_comes(analysis: dict[str, Any]) -> None:
    """As in Flagger."""
    assert not canary({"skipAnalysis": True, **analysis}).analysed


@pytest.mark.parametrize("misspelt", ["anaylsis", "canaryAnalysis"])
def test_a_misspelt_analysis_promotes_nothing(misspelt: str) -> None:
    """Nobody would judge, and nobody asked for that."""
    with pytest.raises(InvalidError, match=r"analysis is missing, .*skipAnalysis: true"):
        canary({"analysis": None, misspelt: {"stepWeight": 10}})


def test_unknown_status_of_an_older_or_newer_sluice_is_no_error() -> None:
    """A journal that says more than this version knows can still be read."""
    read = canary(None, {"phase": "Succeeded", "somethingNew": {"x": 1}})
    assert read.status.phase == "Succeeded"


@pytest.mark.parametrize("status", [{"phase": ""}, {"phase": None, "conditions": None}, {"trackedConfigs": None}, {}])
def test_a_status_of_nothing_is_that_of_a_new_canary(status: dict[str, Any]) -> None:
    """Flagger's own schema has an empty phase; other clients write null."""
    assert canary(None, status).status == canary().status


def test_a_webhook_without_a_type_is_asked_at_each_step() -> None:
    """Flagger's schema has the empty type for it."""
    it = canary({"analysis": {"webhooks": [{"name": "load", "type": "", "url": "http://load.test/"}]}})
    assert valued(it, "spec.analysis.webhooks.0.type") == "rollout"


@pytest.mark.parametrize(
    ("metric", "bounds", "asked"),
    [
        ({"name": "request-success-rate", "threshold": 99}, (99, None), False),
        ({"name": "request-duration", "threshold": 500}, (None, 500), False),
        ({"name": "404s", "threshold": 5, "query": "sum(rate(x[1m]))"}, (None, 5), True),
        ({"name": "own", "threshold": 0, "templateRef": {"name": "t"}}, (None, 0), True),
        ({"name": "own", "threshold": 0.5, "query": "x", "every": "10s"}, (None, 0.5), True),
        ({"name": "own", "threshold": 99, "counted": {"series": "x", "bad": {"a": "b"}}}, (99, None), False),
        ({"name": "own", "threshold": 80, "counted": {"series": "x", "quantile": 0.9}}, (None, 80), False),
        ({"name": "request-success-rate", "threshold": 1, "thresholdRange": {"min": 95}}, (95, None), False),
    ],
)
def test_a_threshold_of_older_manifests_is_the_end_of_the_range_that_it_was(
    metric: dict[str, Any], bounds: tuple[float | None, float | None], asked: bool
) -> None:
    """The least success rate, else the greatest value; `thresholdRange` wins. A `query` is asked as a template's is."""
    it = canary({"analysis": {"metrics": [metric]}})
    read = valued(it, "spec.analysis.metrics.0")
    assert (read.threshold_range.min, read.threshold_range.max) == bounds
    assert (read.is_asked, read.is_counted) == (asked, not asked)
    assert list(it.unsupported()) == []


@pytest.mark.parametrize("more", [{"templateRef": {"name": "t"}}, {"name": "request-duration"}])
def test_a_query_that_is_not_asked_is_reported(more: dict[str, Any]) -> None:
    """Another one, or what is built in, says more."""
    it = canary({"analysis": {"metrics": [{"name": "own", "threshold": 5, "query": "x", **more}]}})
    assert list(it.unsupported()) == ["spec.analysis.metrics[0].query"]


LONG = "s" * 56


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"service": {"name": LONG}},
            rf"spec.service.name is '{LONG}', 56 characters, .* one of 55 characters at most",
        ),
        ({"targetRef": {"name": LONG}}, "spec.targetRef.name, the Service's name too, .* set spec.service.name"),
        ({"targetRef": {"name": "shop.v1"}}, "'shop.v1', which no Service can be named: set spec.service.name"),
        ({"service": {"name": "1shop"}}, "a letter first"),
        (
            {"service": {"name": "s" * 55}, "analysis": {**STEPS, "comparison": {}, "metrics": [success_rate(99)]}},
            "54 characters at most",
        ),
    ],
)
def test_a_name_that_the_parts_cannot_have_is_refused_when_it_is_read(spec: dict[str, Any], said: str) -> None:
    """The API server would refuse it when the primary is there already."""
    with pytest.raises(InvalidError, match=said):
        canary(spec)


@pytest.mark.parametrize(
    "spec", [{"service": {"name": "s" * 55}}, {"targetRef": {"name": LONG}, "service": {"name": "s"}}]
)
def test_names_that_just_fit_are_taken(spec: dict[str, Any]) -> None:
    """The target's own name has no such limit."""
    assert canary(spec, name="shop.v1" if "targetRef" in spec else "shop").service_name == spec["service"]["name"]


def test_a_manifest_is_not_changed_by_reading_it() -> None:
    """What came in is what is kept."""
    manifest = canary_manifest()
    before = str(manifest)
    Canary.parse(manifest)
    assert str(manifest) == before


COUNTED = {"stepWeight": 10, "maxWeight": 50, "metrics": [success_rate(99)], "comparison": {}}
OWN = {"name": "own", "thresholdRange": {"min": 1}, "templateRef": {"name": "t"}}


def test_a_comparison_is_kayenta_s_by_default() -> None:
    """95 passes, 75 is the least; each metric has one part of the score; nobody is compared who does not ask for it."""
    it = canary({"analysis": {**COUNTED, "stepWeights": None}})
    assert it.spec.analysis is not None
    assert it.spec.analysis.comparison is not None
    assert (it.spec.analysis.comparison.pass_, it.spec.analysis.comparison.marginal) == (95, 75)
    assert (it.spec.analysis.metrics[0].weight, it.spec.analysis.metrics[0].critical) == (1, False)
    assert (it.compared, it.baseline) == (True, "shop-baseline")
    assert not canary().compared
    assert not canary({"skipAnalysis": True, "analysis": {**COUNTED, "stepWeights": None}}).compared
    assert list(it.unsupported()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"maxWeight": 60}, r"analysis\.maxWeight is 60, but .* as the canary: set maxWeight to 50 or less"),
        ({"maxWeight": 0}, r"analysis\.maxWeight is 100, but"),
        ({"stepWeights": [10, 70]}, r"analysis\.stepWeights end at 70, but .* set stepWeights up to 50 or less"),
        ({"comparison": {"pass": 80, "marginal": 90}}, r"comparison\.marginal is 90, above comparison\.pass, 80"),
        ({"metrics": [OWN]}, "needs a metric that is counted in requests: add request-success-rate"),
        ({"metrics": [{**success_rate(99), "weight": 0}]}, "greater than 0"),
        ({"metrics": [{**success_rate(99)}, {**OWN, "critical": True}]}, "metric own has .* is not counted"),
    ],
    ids=["over 50", "no highest weight", "steps over 50", "marginal", "nothing counted", "no weight", "not counted"],
)
def test_a_comparison_that_cannot_be_is_refused_with_the_way_out(change: dict[str, Any], said: str) -> None:
    """The message names the field and what it may be."""
    with pytest.raises(InvalidError, match=said):
        canary({"analysis": {**COUNTED, "stepWeights": None, **change}})
