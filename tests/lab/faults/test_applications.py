"""The contract of every shape of application: sluice releases its manifests, and what sluice writes to them is read.

The suite itself knows nothing of sluice's code. Here both are held against each other: a patch that sluice makes is known
by its act, and changes the very fact that it is about.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blocks.routers import ROUTERS
from lab import faults
from lab.faults.__main__ import parse, standing
from lab.faults.applications import APPLICATIONS, shape_of
from lab.faults.applications.base import NEIGHBOUR, Application, Part, Site
from lab.faults.judged.facts import OBSERVED
from lab.faults.plan import APPS, STORIES, acts, draw
from lab.faults.proxies.acts import BOUNDARIES, act_of
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.autoscalers import autoscaler_for
from sluice.rollout.autoscalers.base import primary_autoscaler
from sluice.rollout.routes.base import Route
from sluice.rollout.services import services
from sluice.rollout.strategies.base import HOME, PROMOTION, Traffic
from sluice.rollout.strategy import plan
from sluice.rollout.workloads import WORKLOADS
from sluice.rollout.workloads.base import merged
from sluice.rollout.workloads.copies import primary_copy

Object = dict[str, Any]
FOLDER = Path(faults.__file__).parent / "applications"
SHAPES = list(APPLICATIONS.values())
SITE = Site("oak", "n", "oak.test", "registry/shop:r1-good", {"name": "lab", "namespace": "edge"}, "http://gates")
OWNER = {"uid": "0f0e0d0c-0000-4000-8000-000000000001", "resourceVersion": "1", "generation": 1}


@pytest.fixture(params=SHAPES, ids=list(APPLICATIONS))
def shape(request: pytest.FixtureRequest) -> Application:
    return request.param  # type: ignore[no-any-return]


def rules_of(canary: Canary) -> Route:
    """The rules of the route that a Canary's provider has."""
    rules: Route = ROUTERS[canary.spec.provider].rules  # type: ignore[attr-defined]
    return rules


def target_of(shape: Application) -> Object:
    """The target as the API server stores it."""
    manifest = shape.manifests(SITE)[0]
    return merged(manifest, {"metadata": {"resourceVersion": "7", "generation": 1}})


def canary_of(shape: Application) -> Canary:
    manifest = shape.manifests(SITE)[-1]
    return Canary.parse(merged(manifest, {"metadata": OWNER}))


def act(part: Part, patch: Object, name: str = "oak", version: str = "7") -> str:
    """The act that a patch is, sent as sluice's writer sends it: with the version that it was decided on."""
    fence = {"resourceVersion": version} if version else {}
    fenced = {**patch, "metadata": {**patch.get("metadata", {}), **fence}}
    found = act_of("PATCH", part.path("n", name), json.dumps(fenced).encode())
    assert found is not None
    assert (found.namespace, found.canary) == ("n", "oak")
    return found.what


def test_its_canary_is_one_that_sluice_releases(shape: Application) -> None:
    """By a provider that can do what its strategy asks for, over the steps and intervals that the laws go by."""
    canary = canary_of(shape)
    assert canary.spec.analysis is not None
    steps = plan(canary.spec.analysis)
    assert list(rules_of(canary).cannot(canary)) == []
    assert {step.traffic.canary for step in steps} - {0} == shape.strategy.shares
    assert sum(step.repeat for step in steps) == shape.strategy.intervals
    assert bool(canary.spec.analysis.metrics) is shape.strategy.measured


def test_its_workload_is_read_as_it_was_written(shape: Application) -> None:
    """Tag, pods wanted and whether it is frozen, of the target as a team creates it."""
    facts = shape.workload.reads(target_of(shape))
    assert (facts["tag"], facts["round"], facts["pods"], facts["frozen"]) == ("r1-good", "0", 1, False)


def test_what_sluice_does_to_its_workload_is_known_and_read(shape: Application) -> None:
    """Scaled to zero and up, frozen and thawed: each by its act, and by the fact that it changes."""
    part, target = shape.workload, target_of(shape)
    writes = WORKLOADS[target["kind"]].writes
    patch = writes.scaled(target, 0)
    assert patch
    assert act(part, patch) == "scale target to 0"
    resting = merged(target, patch)
    assert part.reads(resting)["pods"] == 0
    patch = writes.scaled(resting, 1)
    assert patch
    assert act(part, patch) == "scale target up"
    assert part.reads(merged(resting, patch)) == part.reads(target)
    patch = writes.frozen(target)
    assert patch
    assert act(part, patch) == "freeze target"
    frozen = merged(target, patch)
    assert part.reads(frozen)["frozen"]
    patch = writes.thawed(frozen)
    assert patch
    assert act(part, patch) == "thaw target"
    assert part.reads(merged(frozen, patch)) == part.reads(target)


def test_what_sluice_does_to_its_primary_is_known(shape: Application) -> None:
    """A copy of the target, and a mark that changes nothing."""
    canary, target = canary_of(shape), target_of(shape)
    made = primary_copy(WORKLOADS[target["kind"]], canary, target, 1)
    assert act(shape.workload, made, "oak-primary") == "apply primary"
    assert act(shape.workload, {"metadata": {"annotations": {"token": "1"}}}, "oak-primary") == "mark primary"
    assert shape.workload.reads(made)["tag"] == "r1-good"


@pytest.mark.parametrize("share", [30, 60, 100, 0])
def test_what_sluice_does_to_its_route_is_known_and_read(shape: Application, share: int) -> None:
    """Made, then given each share that its strategy has: by the act's name in this shape, and the weights of the sides."""
    if share not in shape.strategy.shares | {0, 100}:
        assert not shape.route.acts.get("route step", "route step")
        return
    canary, target, rules = canary_of(shape), target_of(shape), rules_of(canary_of(shape))
    traffic = {0: HOME, 100: PROMOTION}.get(share, Traffic(share))
    route = rules.manifest(canary, target, PROMOTION if share == 0 else HOME)
    assert act(shape.route, route, version="") == shape.route.acts.get("create route", "create route")
    patch = rules.shifted(canary, route, traffic)
    assert patch
    wanted = f"route {share}" if share in {0, 100} else "route step"
    assert act(shape.route, patch) == shape.route.acts.get(wanted, wanted)
    assert shape.route.reads(merged(route, patch))["weights"] == {"primary": 100 - share, "canary": share}
    assert act(shape.route, {"metadata": {"annotations": {"token": "1"}}}) == "mark route"


def test_what_sluice_does_to_its_autoscaler_is_known_and_read(shape: Application) -> None:
    """The primary's is a copy; the target's is named as the target is, and read as it was written."""
    if shape.autoscaler is None:
        assert canary_of(shape).spec.autoscaled is None
        return
    (source,) = (one for one in shape.manifests(SITE) if one["kind"] == shape.autoscaler.kind)
    canary = canary_of(shape)
    row, reference = autoscaler_for(canary), canary.spec.autoscaled
    assert row is not None
    assert reference is not None
    assert reference.name == source["metadata"]["name"] == "oak"
    made = primary_autoscaler(row, canary, reference, source)
    assert act(shape.autoscaler, made, made["metadata"]["name"]) == "apply autoscaler"
    assert shape.autoscaler.reads(made) == {**shape.autoscaler.reads(source), "scales": "oak-primary"}


def test_a_route_that_is_not_the_canarys_is_no_route_yet(shape: Application) -> None:
    """What an application brings along for its users, before sluice has made it a switch, has no weights to be judged."""
    for manifest in shape.manifests(SITE):
        if manifest["kind"] == shape.route.kind:
            assert shape.route.reads(manifest) == {}


def test_the_services_of_its_sides_are_known(shape: Application) -> None:
    """As they are applied: not taken for the switch."""
    canary, target = canary_of(shape), target_of(shape)
    for service in services(canary, target):
        name = service["metadata"]["name"]
        found = act_of("PATCH", f"/api/v1/namespaces/n/services/{name}", json.dumps(service).encode())
        assert found is not None
        assert (found.canary, found.what) == ("oak", "apply service")


def test_its_services_reach_its_own_pods_alone(shape: Application) -> None:
    """Those that sluice writes reach no pod of a neighbour's, and the neighbour's none of the target's or the primary's."""
    manifests, canary, target = shape.manifests(SITE), canary_of(shape), target_of(shape)
    primary = primary_copy(WORKLOADS[target["kind"]], canary, target, 1)
    theirs = [one for one in manifests[1:] if one["kind"] == target["kind"]]
    assert bool(theirs) is shape.neighbour
    assert {pods["tag"] for pods in map(shape.workload.reads, theirs)} <= {NEIGHBOUR}
    ours = services(canary, target)
    for service in ours:
        assert not any(reaches(service, one) for one in theirs)
        assert reaches(service, target) or reaches(service, primary)
    for service in (one for one in manifests if one["kind"] == "Service" and shape.neighbour):
        assert all(reaches(service, one) for one in theirs)
        assert not reaches(service, target)
        assert not reaches(service, primary)


def reaches(service: Object, owner: Object) -> bool:
    """Whether a Service selects the pods of a workload."""
    return bool(service["spec"]["selector"].items() <= owner["spec"]["template"]["metadata"]["labels"].items())


def test_its_objects_are_observed_by_its_own_readers(shape: Application) -> None:
    """Two shapes that share a kind of object share its reader: the observer has one for each kind."""
    for part in shape.parts:
        assert OBSERVED[part.plural].reads is part.reads
        assert part.path("n", "oak") == f"{OBSERVED[part.plural].path('n')}/oak"


@pytest.mark.parametrize("story", [*STORIES, "first"])
def test_its_stories_name_acts_that_exist(shape: Application, story: str) -> None:
    """A fault on a boundary that no release of this shape comes to would never strike."""
    found = set(acts(shape, story))
    assert found <= set(BOUNDARIES)
    assert not found & {name for name, own in shape.route.acts.items() if own != name}


def test_shapes_are_drawn_by_the_seed_and_kept_by_their_applications() -> None:
    """In each round and however many applications there are; and only those that were asked for."""
    for number in range(3):
        for release in draw(5, number).releases:
            assert release.shape == shape_of(5, release.app)
    assert {one.shape for one in draw(6, 0).releases} == set(APPLICATIONS)
    asked = parse(["--applications", "gateway_daemonset", "--apps", "3"])
    only = draw(5, 0, APPS[:3], shapes=asked.applications)
    assert {one.shape for one in only.releases} == {"gateway_daemonset"} == set(standing(asked, None, 5).values())


def test_faults_of_metrics_strike_only_what_is_judged_by_metrics() -> None:
    """Elsewhere they would be counted as cases and hit nothing."""
    for only in ("", "metrics gone"):
        for release in (one for number in range(20) for one in draw(1, number, only=only).releases):
            measured = APPLICATIONS[release.shape].strategy.measured
            assert measured or release.fault is None or not release.fault.kind.startswith("metrics")


def test_shapes_know_nothing_of_each_other() -> None:
    """A new shape is a file and a row: what two of them share is in `parts`."""
    modules = {
        one.stem: one.read_text() for one in FOLDER.glob("*.py") if one.stem not in {"__init__", "base", "parts"}
    }
    assert set(modules) == set(APPLICATIONS)
    for name, text in modules.items():
        assert not [other for other in modules if other != name and f"applications.{other}" in text]
