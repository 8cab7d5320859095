"""What every kind of workload promises, tried on each row of the table, with its controller in memory."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from sluice.rollout import workloads
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.base import Workload, merged, together
from sluice.rollout.workloads.copies import baseline_copy, primary_copy
from tests.memory_cluster import MemoryCluster
from tests.memory_workloads import image_of
from tests.samples import NAME, NAMESPACE, WORKLOAD_SAMPLES, canary
from tests.samples import workload as sample

Object = dict[str, Any]
OLD, NEW, BROKEN = "registry/shop:1.0.0", "registry/shop:1.1.0", "registry/shop:broken"
EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)


class Ground:
    """A workload of one kind in a cluster in memory."""

    def __init__(self, kind: str, image: str = OLD) -> None:
        self.kind, self.rules = kind, WORKLOADS[kind]
        self.cluster = MemoryCluster(broken_images={BROKEN})
        self.cluster.add(sample(kind, image))

    @property
    def now(self) -> Object:
        return self.cluster.now(self.kind, NAME, NAMESPACE)

    def write(self, patch: Object | None) -> None:
        """What a release writes."""
        if patch is not None:
            self.cluster.add(merged(self.now, patch))

    def push(self, image: str) -> None:
        """What `kubectl set image` does."""
        template = copy.deepcopy(self.now["spec"]["template"])
        template["spec"]["containers"][0]["image"] = image
        self.cluster.add({**self.now, "spec": {**self.now["spec"], "template": template}})

    def images(self) -> set[str]:
        return {image_of(pod) for pod in self.cluster.pods(NAME, NAMESPACE)}


def picks(selector: Object, pod: Object) -> bool:
    return bool(selector["matchLabels"].items() <= pod["metadata"]["labels"].items())


def test_there_is_a_sample_of_each_kind_and_a_row_for_each_file() -> None:
    """What is tried here is all that there is."""
    files = {path.stem for path in Path(str(workloads.__file__)).parent.glob("*.py")}
    assert set(WORKLOADS) == set(WORKLOAD_SAMPLES)
    assert files - {"__init__", "base", "copies"} == {kind.lower() for kind in WORKLOADS}
    assert all(row == WORKLOADS[row.kind] for row in WORKLOADS.values())


@EVERY_KIND
def test_each_copy_selects_its_own_pods_and_no_other_s(kind: str) -> None:
    """Users of one never meet the other; a second requirement of the selector, which tells applications apart, is kept."""
    rules, shared = WORKLOADS[kind], {"instance": "a"}
    own = {"selector": {"matchLabels": shared}, "template": {"metadata": {"labels": shared}}}
    target = sample(kind, change={"spec": own})
    primary = primary_copy(rules, canary(), target, 2)
    baseline = baseline_copy(rules, canary(), target, primary, 2, "r1")
    cluster = MemoryCluster()
    cluster.add(target, primary, baseline)
    owners = {one["metadata"]["name"]: one for one in (target, primary, baseline)}
    assert set(owners) == {"shop", "shop-primary", "shop-baseline"}
    for name in owners:
        pods = cluster.pods(name, NAMESPACE)
        assert pods
        for pod in pods:
            taken_by = [other for other, one in owners.items() if picks(one["spec"]["selector"], pod)]
            assert taken_by == [name]
            assert pod["metadata"]["labels"]["instance"] == "a"


@EVERY_KIND
@pytest.mark.parametrize("state", ["running", "at rest", "frozen", "frozen at rest"])
def test_a_copy_runs_what_users_wrote_whatever_a_release_has_set(kind: str, state: str) -> None:
    """Same pods, same revision, same way of updating: nothing of the target's rest or its freezing comes with it."""
    it, wrote = Ground(kind), sample(kind)
    if "frozen" in state:
        it.write(it.rules.writes.frozen(it.now))
    if "at rest" in state:
        it.write(it.rules.writes.scaled(it.now, 0))
    before = copy.deepcopy(it.now)
    it.cluster.add(primary_copy(it.rules, canary(), it.now, 2))
    assert it.now == before
    primary = it.cluster.now(kind, "shop-primary", NAMESPACE)
    assert primary["spec"]["template"]["spec"] == wrote["spec"]["template"]["spec"]
    assert it.rules.reads.rolled_over(primary)
    mine, theirs = (
        {k: v for k, v in one["spec"].items() if k in {"strategy", "updateStrategy"}} for one in (primary, wrote)
    )
    assert mine == theirs
    assert it.rules.writes.thawed(primary) is None


@EVERY_KIND
def test_scaled_to_zero_and_back_it_is_the_revision_that_it_was(kind: str) -> None:
    """Else every release would start another one; and each is written once."""
    it = Ground(kind)
    revision, spec = it.rules.reads.revision(it.now), copy.deepcopy(it.now["spec"])
    pods = it.rules.reads.pods(it.now)
    it.write(it.rules.writes.scaled(it.now, 0))
    assert it.cluster.pods(NAME, NAMESPACE) == []
    assert not it.rules.reads.ready(it.now, 0)
    assert it.rules.reads.revision(it.now) == revision
    assert it.rules.writes.scaled(it.now, 0) is None
    it.write(it.rules.writes.scaled(it.now, pods))
    assert it.rules.reads.revision(it.now) == revision
    assert it.rules.reads.ready(it.now)
    assert it.rules.writes.scaled(it.now, pods) is None
    assert it.rules.reads.pods(it.now) == pods == len(it.cluster.pods(NAME, NAMESPACE))
    assert primary_copy(it.rules, canary(), it.now, pods)["spec"]["template"]["spec"] == spec["template"]["spec"]


@EVERY_KIND
def test_a_revision_is_known_at_rest(kind: str) -> None:
    """What is pushed between releases is new, and what is put back is the old one."""
    it = Ground(kind)
    it.write(it.rules.writes.scaled(it.now, 0))
    revision = it.rules.reads.revision(it.now)
    it.push(NEW)
    assert it.rules.reads.revision(it.now) != revision
    assert it.cluster.pods(NAME, NAMESPACE) == [], "a push at rest starts no pods"
    it.push(OLD)
    assert it.rules.reads.revision(it.now) == revision


@EVERY_KIND
def test_a_frozen_workload_keeps_its_pods_when_another_template_is_pushed(kind: str) -> None:
    """Users meet no pods that nobody has judged; thawed, it follows what was pushed, in the way that its users wrote."""
    it = Ground(kind)
    spec = copy.deepcopy(it.now["spec"])
    it.write(it.rules.writes.frozen(it.now))
    assert it.rules.writes.frozen(it.now) is None
    assert it.rules.reads.ready(it.now), "freezing alone changes nothing for its pods"
    it.push(NEW)
    assert it.images() == {OLD}
    assert not it.rules.reads.ready(it.now)
    assert not it.rules.reads.rolled_over(it.now)
    it.write(it.rules.writes.thawed(it.now))
    assert it.rules.writes.thawed(it.now) is None
    assert it.images() == {NEW}
    assert it.rules.reads.rolled_over(it.now)
    now = {key: value for key, value in it.now["spec"].items() if value and key != "template"}
    assert now == {key: value for key, value in spec.items() if key != "template"}


@EVERY_KIND
def test_a_frozen_workload_can_be_scaled_to_zero(kind: str) -> None:
    """The end of a release takes its pods away, whatever was pushed meanwhile, and starts none of it."""
    it = Ground(kind)
    it.write(it.rules.writes.frozen(it.now))
    it.push(NEW)
    it.write(together(it.rules.writes.thawed(it.now), it.rules.writes.scaled(it.now, 0)))
    assert it.cluster.pods(NAME, NAMESPACE) == []
    assert it.rules.writes.thawed(it.now) is None


@EVERY_KIND
def test_pods_that_do_not_serve_are_not_ready(kind: str) -> None:
    """Nor is their update over; and where users want less than all of them, none is still less."""
    it = Ground(kind, BROKEN)
    assert not it.rules.reads.ready(it.now)
    assert not it.rules.reads.ready(it.now, 50)
    assert not it.rules.reads.rolled_over(it.now)


@EVERY_KIND
def test_what_the_controller_has_not_seen_yet_is_not_ready(kind: str) -> None:
    """Its counts are about what was before."""
    it = Ground(kind)
    late = merged(it.now, {"metadata": {"generation": it.now["metadata"]["generation"] + 1}})
    assert not it.rules.reads.ready(late)
    assert not it.rules.reads.rolled_over(late)
    fresh: Object = {key: value for key, value in it.now.items() if key != "status"}
    assert not it.rules.reads.ready(fresh)


def in_git(rules: Workload, image: str = OLD) -> Object:
    """What a team keeps in git: without what only the API server writes."""
    wrote = sample(rules.kind, image)
    meta = {key: wrote["metadata"][key] for key in ("name", "namespace", "labels")}
    return {**wrote, "metadata": meta}


@EVERY_KIND
@pytest.mark.parametrize("state", ["at rest", "frozen"])
def test_a_sync_from_git_leaves_what_a_release_has_set(kind: str, state: str) -> None:
    """The next push comes through, its pods do not: neither at rest nor while users meet those of another template."""
    it = Ground(kind)
    it.write(it.rules.writes.scaled(it.now, 0) if state == "at rest" else it.rules.writes.frozen(it.now))
    before, pods = it.rules.reads.revision(it.now), it.cluster.pods(NAME, NAMESPACE)
    rendered = in_git(it.rules, NEW)
    kept = json.dumps(rendered)
    applied = it.rules.writes.yielding(rendered, it.now, "sluice")
    assert json.dumps(rendered) == kept, "what was rendered is not changed"
    it.cluster.add(merged(it.now, applied))
    assert it.rules.reads.revision(it.now) not in {before}
    assert [image_of(pod) for pod in it.cluster.pods(NAME, NAMESPACE)] == [image_of(pod) for pod in pods]
