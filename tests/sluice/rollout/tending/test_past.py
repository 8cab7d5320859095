"""What a workload was before, by the history that its controller keeps."""

from __future__ import annotations

import pytest

from sluice.manifests.flagger.canary import Canary
from sluice.rollout.tending.past import PAST, as_it_was
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.copies import primary_copy
from tests.memory_workloads import history_of
from tests.samples import canary_manifest, merged, workload

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


@EVERY_KIND
def test_what_a_target_that_was_made_again_ran_is_found_in_its_primary_s_past(kind: str) -> None:
    """With the labels and affinities of the target: its revision says that it is the template which was promoted."""
    rules, canary = WORKLOADS[kind], Canary.parse(canary_manifest({"targetRef": {"kind": kind}}))
    apart = {"labelSelector": {"matchLabels": {"app": "shop"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
    placed = {"metadata": {"resourceVersion": "1"}, "spec": {"template": {"spec": {"affinity": affinity}}}}
    old = workload(kind, "registry/shop:1", change=placed)
    copied = primary_copy(rules, canary, old, 2)
    primary = merged(copied, {"metadata": {"uid": "uid-primary", "resourceVersion": "2"}})
    new = workload(kind, "registry/shop:2", change={"metadata": {"uid": "another", "resourceVersion": "3"}})
    edited = merged(primary, {"metadata": {"resourceVersion": "4"}, "spec": {"template": new["spec"]["template"]}})
    kept = [history_of(new), history_of(edited), history_of(primary)]
    assert as_it_was(rules, new, rules.reads.revision(old), kept) is None
    found = as_it_was(rules, new, rules.reads.revision(old), kept, primary)
    assert found
    assert primary_copy(rules, canary, found, 2)["spec"]["template"] == copied["spec"]["template"]
