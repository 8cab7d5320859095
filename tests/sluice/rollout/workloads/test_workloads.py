"""The table of workloads: which kinds a Canary's `targetRef` may name."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.rollout.workloads import WORKLOADS, workload_of
from sluice.rollout.workloads.base import merged, together
from tests.samples import canary


@pytest.mark.parametrize("kind", WORKLOADS)
@pytest.mark.parametrize("api_version", ["apps/v1", ""])
def test_a_target_is_of_the_kind_that_it_names(kind: str, api_version: str) -> None:
    """Also where the manifest has no apiVersion, as Flagger's examples once had."""
    assert workload_of(canary({"targetRef": {"kind": kind, "apiVersion": api_version}})).kind == kind


@pytest.mark.parametrize(
    ("target", "field", "way_out"),
    [
        pytest.param({"kind": "CronJob"}, "spec.targetRef.kind", "use one of Deployment", id="another kind"),
        pytest.param({"kind": ""}, "spec.targetRef.kind", "use one of Deployment", id="no kind"),
        pytest.param(
            {"apiVersion": "apps.kruise.io/v1alpha1"},
            "spec.targetRef.apiVersion",
            "sluice knows the Deployment of apps/v1",
            id="another group's kind of the same name",
        ),
    ],
)
def test_a_target_of_another_kind_is_refused_by_the_field(target: dict[str, Any], field: str, way_out: str) -> None:
    """The message names the Canary, the field and what would do."""
    with pytest.raises(InvalidError, match="Canary shop-test/shop is not valid") as error:
        workload_of(canary({"targetRef": target}))
    assert field in str(error.value)
    assert way_out in str(error.value)


def test_two_patches_are_written_as_one() -> None:
    """What either takes away is taken away: a patch is no object, its nulls mean something."""
    first, second = {"spec": {"a": {"gone": None}, "b": 1}}, {"spec": {"a": {"new": 2}, "c": None}}
    both = together(first, None, second)
    assert both == {"spec": {"a": {"gone": None, "new": 2}, "b": 1, "c": None}}
    before = {"spec": {"a": {"gone": 0}, "c": 3}}
    assert merged(before, both) == {"spec": {"a": {"new": 2}, "b": 1}}
    assert together(None, None) is None
