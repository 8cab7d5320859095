"""A copy's affinities and spread constraints speak of the copy's own pods, whatever way they are written."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.copies import baseline_copy, primary_copy
from tests.samples import canary, merged, workload

Object = dict[str, Any]
REQUIRED, PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)


def labels(value: str) -> Object:
    return {"matchLabels": {"app": value, "instance": "a"}}


def expression(*values: str, operator: str = "In", key: str = "app") -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def term(selector: Object | None, **more: Any) -> Object:
    return {
        "topologyKey": "kubernetes.io/hostname",
        **({} if selector is None else {"labelSelector": selector}),
        **more,
    }


def required(side: str, one: Object) -> Object:
    return {"affinity": {side: {REQUIRED: [one]}}}


def preferred(side: str, one: Object) -> Object:
    return {"affinity": {side: {PREFERRED: [{"weight": 100, "podAffinityTerm": one}]}}}


def spread(selector: Object, **more: Any) -> Object:
    one = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector, **more}
    return {"topologySpreadConstraints": [one]}


OWN = [
    pytest.param(lambda it: required("podAntiAffinity", term(labels(it))), id="anti-affinity by labels"),
    pytest.param(lambda it: required("podAntiAffinity", term(expression(it))), id="anti-affinity by an expression"),
    pytest.param(lambda it: preferred("podAntiAffinity", term(expression(it, "cart"))), id="another app's value stays"),
    pytest.param(lambda it: required("podAntiAffinity", term(expression(it, operator="NotIn"))), id="not its own"),
    pytest.param(lambda it: preferred("podAffinity", term(labels(it))), id="affinity to itself"),
    pytest.param(lambda it: spread(labels(it)), id="spread by labels"),
    pytest.param(lambda it: spread(expression(it), matchLabelKeys=["pod-template-hash"]), id="spread with label keys"),
    pytest.param(
        lambda it: required("podAntiAffinity", term(labels(it), namespaces=["shop-test"])), id="its namespace"
    ),
    pytest.param(lambda it: required("podAntiAffinity", term(labels(it), namespaceSelector={})), id="all namespaces"),
]
OTHERS = [
    pytest.param(required("podAntiAffinity", term(labels("cart"))), id="another application"),
    pytest.param(required("podAffinity", term(expression("shop", key="tier"))), id="another label"),
    pytest.param(
        required("podAntiAffinity", term(labels("shop"), namespaces=["other"])), id="another namespace's pods"
    ),
    pytest.param(required("podAffinity", term(None)), id="no selector"),
    pytest.param(spread({}), id="an empty selector"),
    pytest.param({"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}}}, id="nodes"),
    pytest.param({"affinity": {"podAntiAffinity": {REQUIRED: None}}, "topologySpreadConstraints": None}, id="nulls"),
]


def placed(kind: str, pod: Object) -> Object:
    return workload(kind, change={"spec": {"template": {"spec": pod}}})


def of(made: Object) -> Object:
    """What places the pods of a workload."""
    pod = made["spec"]["template"]["spec"]
    return {key: pod[key] for key in ("affinity", "topologySpreadConstraints") if key in pod}


@EVERY_KIND
@pytest.mark.parametrize("pod", OWN)
def test_a_copy_is_placed_by_its_own_pods(kind: str, pod: Any) -> None:
    """Primaries do not share a node, and canaries find one next to them; the target's own template stays as it is."""
    rules, target = WORKLOADS[kind], placed(kind, pod("shop"))
    before = copy.deepcopy(target)
    primary = primary_copy(rules, canary(), target, 2)
    assert of(primary) == pod("shop-primary")
    assert target == before
    assert of(baseline_copy(rules, canary(), target, primary, 2, "r1")) == pod("shop-baseline")
    older = merged(primary, {"spec": {"template": {"spec": pod("shop")}}})
    assert of(baseline_copy(rules, canary(), target, older, 2, "r1")) == pod("shop-baseline"), "made before this rule"


@EVERY_KIND
@pytest.mark.parametrize("pod", OTHERS)
def test_what_is_said_of_others_stays(kind: str, pod: Object) -> None:
    """Only the value that stands for the target is rewritten."""
    assert of(primary_copy(WORKLOADS[kind], canary(), placed(kind, pod), 2)) == of(placed(kind, pod))


@EVERY_KIND
def test_a_selector_s_expressions_are_rewritten_with_its_label(kind: str) -> None:
    """Else nothing would fit: `app=shop-primary` and at once `app in (shop)`."""
    selector = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["shop", "shop-2"]}]}
    made = primary_copy(WORKLOADS[kind], canary(), workload(kind, change={"spec": {"selector": selector}}), 2)
    assert made["spec"]["selector"] == {
        "matchLabels": {"app": "shop-primary"},
        "matchExpressions": [{"key": "app", "operator": "In", "values": ["shop-primary", "shop-2"]}],
    }
