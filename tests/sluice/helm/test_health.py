"""Health by a HelmRelease's own expressions: when they count, and what helm's general rules are shown then."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.helm.decision import Step
from sluice.helm.objects.health import as_shown, expressions_of
from sluice.manifests.flux.helm.release import HelmRelease

Object = dict[str, Any]
EXPRS = [
    {
        "apiVersion": "example.com/v1",
        "kind": "Thing",
        "inProgress": "status.phase == 'Working'",
        "failed": "status.phase == 'Broken'",
        "current": "status.phase == 'Done'",
    }
]


def release(**spec: Any) -> HelmRelease:
    chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    spec = {"interval": "10m", "chart": chart, "healthCheckExprs": EXPRS, **spec}
    return HelmRelease.parse({"metadata": {"name": "shop", "namespace": "team"}, "spec": spec})


def thing(status: Object | None = None, **meta: Any) -> Object:
    item: Object = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "generation": 3, **meta}}
    return item if status is None else {**item, "status": status}


def shown(item: Object) -> list[tuple[str, str]]:
    found = as_shown(item, ("", ""), release().spec.health_check_exprs)
    assert found["status"]["observedGeneration"] == 3
    return [(one["type"], one["status"]) for one in found["status"]["conditions"]]


@pytest.mark.parametrize(
    ("status", "conditions"),
    [
        (None, [("Reconciling", "True")]),
        ({"phase": "Working"}, [("Reconciling", "True")]),
        ({"phase": "Broken"}, [("Stalled", "True")]),
        ({"phase": "Done"}, [("Ready", "True")]),
        ({"phase": "Done", "conditions": [{"type": "Ready", "status": "False"}]}, [("Ready", "True")]),
        ({"phase": "Done", "observedGeneration": 2}, [("Reconciling", "True")]),
        (
            {
                "phase": "Working",
                "conditions": [{"type": "Fine", "status": "True"}, {"type": "Ready", "status": "True"}],
            },
            [("Fine", "True"), ("Reconciling", "True")],
        ),
    ],
    ids=["nothing yet", "working", "broken", "done", "against its own word", "not seen yet", "others stay"],
)
def test_helm_is_shown_what_the_expressions_say(status: Object | None, conditions: list[tuple[str, str]]) -> None:
    """In the conditions that kstatus goes by, and whatever the object itself says in these."""
    assert shown(thing(status)) == conditions


def test_an_expression_that_is_neither_true_nor_false_is_a_failure_with_its_reason() -> None:
    """Helm's message has it then."""
    exprs = release(healthCheckExprs=[{**EXPRS[0], "inProgress": "1 + 1"}]).spec.health_check_exprs
    found = as_shown(thing({"phase": "Done"}), ("", ""), exprs)["status"]["conditions"]
    assert [one["type"] for one in found] == ["Stalled"]
    assert "1 + 1" in found[0]["message"]


def test_objects_of_other_kinds_and_those_on_their_way_out_are_shown_as_they_are() -> None:
    """An uninstall, and an upgrade that drops an object, wait for its end."""
    every = release().spec.health_check_exprs
    for item in (thing(deletionTimestamp="2026-11-27T00:00:00Z"), {**thing(), "kind": "Other"}, {"kind": "Status"}):
        assert as_shown(item, ("", ""), every) is item


@pytest.mark.parametrize(
    ("spec", "step", "count"),
    [
        ({}, Step.INSTALL, True),
        ({}, Step.UPGRADE, True),
        ({}, Step.ROLLBACK, True),
        ({"waitStrategy": {"name": "poller"}}, Step.INSTALL, True),
        ({}, Step.TEST, False),
        ({}, Step.UNINSTALL, False),
        ({"install": {"disableWait": True}}, Step.INSTALL, False),
        ({"install": {"disableWait": True}}, Step.UPGRADE, True),
        ({"waitStrategy": {"name": "legacy"}}, Step.INSTALL, False),
    ],
    ids=str,
)
def test_they_count_in_an_act_that_waits_by_the_poller(spec: Object, step: Step, count: bool) -> None:
    """As Flux has it."""
    assert bool(expressions_of(release(**spec), step)) is count
