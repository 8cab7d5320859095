"""What every kind of autoscaler promises, tried on each row of the table; and what KEDA's has besides."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sluice.manifests.flagger.autoscaler_reference import COPIED, AutoscalerReference
from sluice.rollout.autoscalers import AUTOSCALERS, autoscaler_for
from sluice.rollout.autoscalers.base import Autoscaler, primary_autoscaler, wanted_autoscaler
from sluice.rollout.autoscalers.scaled_object import PAUSED, ScaledObject
from sluice.rollout.objects import BEFORE
from tests.samples import NAMESPACE, canary, merged

Object = dict[str, Any]
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
SPECS: dict[str, Object] = {
    "HorizontalPodAutoscaler": {"minReplicas": 2, "maxReplicas": 9, "metrics": [{"type": "Resource"}]},
    "ScaledObject": {
        "minReplicaCount": 1,
        "maxReplicaCount": 9,
        "pollingInterval": 10,
        "triggers": [{"type": "prometheus", "metadata": {"threshold": "100", "query": "sum(rate(x[1m]))"}}],
    },
}
LIMITS = {
    "HorizontalPodAutoscaler": ("minReplicas", "maxReplicas"),
    "ScaledObject": ("minReplicaCount", "maxReplicaCount"),
}
EVERY_ROW = pytest.mark.parametrize("row", AUTOSCALERS.values(), ids=AUTOSCALERS)


def source(row: Autoscaler, annotations: Object | None = None, **spec: Any) -> Object:
    meta: Object = {
        "name": "shop",
        "namespace": NAMESPACE,
        "labels": {"x": "y", "kustomize.toolkit.fluxcd.io/name": "a"},
    }
    meta |= {"annotations": annotations} if annotations else {}
    return {
        "apiVersion": row.api_version,
        "kind": row.kind,
        "metadata": meta,
        "spec": {"scaleTargetRef": dict(TARGET), **copy.deepcopy(SPECS[row.kind]), **spec},
    }


def reference(row: Autoscaler, **more: Any) -> AutoscalerReference:
    return AutoscalerReference.model_validate({"apiVersion": row.api_version, "kind": row.kind, "name": "shop", **more})


def test_each_kind_that_a_canary_may_name_has_its_row() -> None:
    """What the manifest says is acted on is acted on."""
    assert set(AUTOSCALERS) == COPIED == set(SPECS)
    for row in AUTOSCALERS.values():
        named = canary({"autoscalerRef": {"apiVersion": row.api_version, "kind": row.kind, "name": "shop"}})
        assert autoscaler_for(named) is row
        assert not list(named.spec.unsupported())
    other = canary({"autoscalerRef": {"kind": "HTTPScaledObject", "name": "shop"}})
    assert autoscaler_for(other) is None
    assert list(other.spec.unsupported("spec")) == ["spec.autoscalerRef"]
    assert autoscaler_for(canary()) is None


@EVERY_ROW
def test_the_primary_s_is_the_target_s_for_the_primary(row: Autoscaler) -> None:
    """All else is as it is; it goes with the Canary, and no Kustomization finds it in what it may prune."""
    before = source(row, {"own": "word"})
    made = primary_autoscaler(row, canary(), reference(row), before)
    assert made["spec"] == {**before["spec"], "scaleTargetRef": {**TARGET, "name": "shop-primary"}}
    meta = made["metadata"]
    assert (meta["name"], meta["ownerReferences"][0]["kind"]) == ("shop-primary", "Canary")
    assert meta["labels"] == {"x": "y", "app.kubernetes.io/managed-by": "sluice"}
    assert "annotations" not in meta, "a pause of the target's is none of the primary's"
    assert before == source(row, {"own": "word"})
    assert wanted_autoscaler(row, canary(), reference(row), before, made) is None


@EVERY_ROW
def test_the_primary_s_has_numbers_of_its_own_where_the_canary_says_so(row: Autoscaler) -> None:
    """Each of the two by itself."""
    least, most = LIMITS[row.kind]
    for own, expected in (({"minReplicas": 4}, (4, 9)), ({"maxReplicas": 20}, (source(row)["spec"][least], 20))):
        spec = row.copied(canary(), reference(row, primaryScalerReplicas=own), source(row))
        assert (spec[least], spec[most]) == expected


@EVERY_ROW
@pytest.mark.parametrize("owner_s", [{}, {"a": "b"}, {PAUSED: "5"}, {PAUSED: "5", "a": "b"}], ids=str)
def test_what_rests_is_woken_as_its_owner_wrote_it(row: Autoscaler, owner_s: Object) -> None:
    """And nothing is written twice. One that leaves a target without pods alone by itself is never written."""
    before = source(row, owner_s)
    resting = merged(before, row.rested(before) or {})
    assert (resting != before) is row.rests
    assert row.rested(resting) is None
    awake = merged(resting, row.woken(resting) or {})
    assert (awake["metadata"].get("annotations") or {}) == owner_s
    assert awake["spec"] == before["spec"]
    assert row.woken(awake) is None


@EVERY_ROW
def test_one_that_never_rested_is_awake(row: Autoscaler) -> None:
    """Also before its controller has said anything."""
    assert row.awake(source(row))


KEDA = ScaledObject()


@pytest.mark.parametrize(("status", "awake"), [("True", False), ("False", True), ("Unknown", True)])
def test_keda_has_seen_that_it_is_to_scale_when_its_condition_says_so(status: str, awake: bool) -> None:
    """Until then it takes away what the target is given."""
    conditions = [{"type": "Ready", "status": "True"}, {"type": "Paused", "status": status}]
    assert KEDA.awake({**source(KEDA), "status": {"conditions": conditions}}) is awake


def test_a_pause_that_flagger_left_is_ended_too() -> None:
    """It writes the same annotation, and no memory of its owner's."""
    assert KEDA.woken(source(KEDA, {PAUSED: "0"})) == {"metadata": {"annotations": {PAUSED: None, BEFORE: None}}}
    for unreadable in ("no JSON", "[]"):
        patch = KEDA.woken(source(KEDA, {PAUSED: "0", BEFORE: unreadable})) or {}
        assert patch["metadata"]["annotations"][PAUSED] is None


QUERIES = [
    ('rate(x{app="shop"}[1m])', 'rate(x{app="shop-primary"}[1m])'),
    ('rate(x{app=~"shop|shop-canary|shop-primary"}[1m])', 'rate(x{app=~"shop-primary|shop-primary|shop-primary"}[1m])'),
    ('rate(x{pod=~"shop-[0-9a-z]+-.*"}[1m])', 'rate(x{pod=~"shop-primary-[0-9a-z]+-.*"}[1m])'),
    ('x{envoy_cluster_name="test_shop-canary_80"}', 'x{envoy_cluster_name="test_shop-primary_80"}'),
    (
        'x{app="shopping"} + x{app="my-shop"} + x{app="workshop"}',
        'x{app="shopping"} + x{app="my-shop"} + x{app="workshop"}',
    ),
    ("sum(rate(x[1m]))", "sum(rate(x[1m]))"),
]


def triggers(*found: Object, **more: Any) -> list[Object]:
    spec = KEDA.copied(canary(), reference(KEDA, **more), source(KEDA, triggers=list(found)))
    return list(spec["triggers"])


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_query_that_names_the_target_asks_about_the_primary(query: str, expected: str) -> None:
    """As Flagger does it; a name that only has the target's in it is another application's."""
    (made,) = triggers({"type": "prometheus", "metadata": {"query": query, "serverAddress": "http://shop:9090"}})
    assert made["metadata"] == {"query": expected, "serverAddress": "http://shop:9090"}


def test_queries_that_the_canary_gives_are_taken_by_the_triggers_names() -> None:
    """Then no other is rewritten: who gives them has looked at them."""
    found = [
        {"name": "requests", "type": "prometheus", "metadata": {"query": 'x{app="shop"}'}},
        {"name": "other", "type": "prometheus", "metadata": {"query": 'y{app="shop"}'}},
        {"type": "cpu", "metadata": {"value": "80"}},
    ]
    made = triggers(*found, primaryScalerQueries={"requests": "mine", "nobody": "none"})
    assert [one["metadata"] for one in made] == [{"query": "mine"}, {"query": 'y{app="shop"}'}, {"value": "80"}]


def test_the_hpa_that_keda_makes_of_the_primary_s_has_a_name_of_its_own() -> None:
    """Where the target's names one, both would be one object."""
    named = {"horizontalPodAutoscalerConfig": {"name": "shop-hpa", "behavior": {}}}
    assert KEDA.copied(canary(), reference(KEDA), source(KEDA, advanced=named))["advanced"] == {
        "horizontalPodAutoscalerConfig": {"name": "shop-hpa-primary", "behavior": {}}
    }


def test_queries_for_an_autoscaler_that_has_none_are_reported() -> None:
    """Instead of being ignored."""
    hpa = {"kind": "HorizontalPodAutoscaler", "name": "shop", "primaryScalerQueries": {"a": "b"}}
    assert list(canary({"autoscalerRef": hpa}).spec.unsupported("spec")) == ["spec.autoscalerRef.primaryScalerQueries"]
