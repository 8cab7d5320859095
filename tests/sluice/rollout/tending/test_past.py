"""What a workload was before, by the history that its controller keeps."""

from __future__ import annotations

import pytest

from sluice.rollout.tending.past import PAST, as_it_was
from sluice.rollout.workloads import WORKLOADS
from tests.memory_workloads import history_of
from tests.samples import merged, workload

EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)


def test_every_kind_has_a_past() -> None:
    """A kind without one could lose what its primary runs."""
    assert set(WORKLOADS) <= set(PAST)


@EVERY_KIND
def test_the_template_of_a_revision_is_found_again(kind: str) -> None:
    """By the same hash that the journal has; also where the target rested when it was kept."""
    rules = WORKLOADS[kind]
    versioned = {"metadata": {"resourceVersion": "1"}}
    old, new = (workload(kind, f"registry/shop:{tag}", change=versioned) for tag in ("1", "2"))
    resting = merged(old, rules.writes.scaled(old, 0) or {})
    kept = [history_of(new), history_of(resting)]
    found = as_it_was(rules, new, rules.reads.revision(old), kept)
    assert found
    assert rules.reads.revision(found) == rules.reads.revision(old)
    assert as_it_was(rules, new, "another revision", kept) is None


@EVERY_KIND
def test_another_workload_s_past_is_not_its_own(kind: str) -> None:
    """Two applications may run one image."""
    rules = WORKLOADS[kind]
    target = workload(kind, change={"metadata": {"resourceVersion": "1"}})
    other = history_of(merged(target, {"metadata": {"uid": "another"}}))
    assert as_it_was(rules, target, rules.reads.revision(target), [other]) is None
