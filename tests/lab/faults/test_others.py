"""The laws about what is somebody else's: what an autoscaler gave, its own object and its copy, and neighbours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.faults.applications import APPLICATIONS
from lab.faults.field import BASE
from lab.faults.judged.cases import Case, Hit
from lab.faults.judged.observer import Answer
from lab.faults.plan import OWN, Release, draw
from lab.faults.proxies.acts import act_of
from lab.faults.striking.hands import Hands
from tests.lab.faults.test_field import field
from tests.lab.faults.test_laws import BASE as REST
from tests.lab.faults.test_laws import OAK, case, history, laws, write

AUTOSCALED = {"shape": "gateway_autoscaled"}
SCALERS = "horizontalpodautoscalers"
SOURCE = {"scales": OAK, "least": 1, "most": 4}
COPY = {**SOURCE, "scales": "oak-primary"}
SCALED = (*REST, (4, SCALERS, OAK, SOURCE), (5, SCALERS, "oak-primary", COPY))


def pods(version: int, name: str, count: int) -> tuple[int, str, str, dict[str, Any]]:
    return version, "deployments", name, {"tag": "old", "pods": count, "frozen": False}


@pytest.mark.parametrize(("name", "left", "caught"), [(OAK, 1, True), (OAK, 0, False), ("oak-primary", 1, True)])
def test_a_write_that_takes_given_pods_away_is_caught(name: str, left: int, caught: bool) -> None:
    """A target's all at once are the release's end. What the autoscaler takes away itself is its own affair."""
    seen = history(*REST, pods(6, name, 1), pods(11, name, 3), pods(12, name, left))
    law = "pods that were given are kept"
    assert (law in laws(seen, case(), write("a", 1, 12, "apply primary"))) is caught
    assert law not in laws(seen, case(), write("a", 1, 13, "mark primary"))


def test_a_primary_that_was_deleted_and_made_again_had_no_pods_to_keep() -> None:
    """The journal knows how many it had when the release began."""
    gone = (12, "deployments", "oak-primary", {})
    seen = history(*REST, pods(6, "oak-primary", 3), gone, pods(13, "oak-primary", 1))
    assert "pods that were given are kept" not in laws(seen, case(), write("a", 1, 13, "apply primary"))


@pytest.mark.parametrize(
    "copy", [{}, {**COPY, "scales": OAK}, {**COPY, "least": 2}], ids=["none", "of the target", "other numbers"]
)
def test_a_primary_without_the_autoscaler_of_its_target_is_caught(copy: dict[str, Any]) -> None:
    """At the end of each rollout; numbers that the target's had in its middle are right as well."""
    law = "a primary has the autoscaler of its target"
    assert laws(history(*SCALED), case(**AUTOSCALED)) == set()
    assert laws(history(*SCALED, (12, SCALERS, "oak-primary", copy)), case(**AUTOSCALED)) == {law}
    raised = history(*SCALED, (11, SCALERS, OAK, {**SOURCE, "least": 2}), (12, SCALERS, "oak-primary", copy))
    assert (law in laws(raised, case(**AUTOSCALED))) is (copy != {**COPY, "least": 2})


def test_a_write_to_the_target_s_autoscaler_is_caught() -> None:
    """It is known by the name of the object: the primary's copy is sluice's."""
    for name, what in ((OAK, "write autoscaler"), ("oak-primary", "apply autoscaler")):
        found = act_of("PATCH", f"/apis/autoscaling/v2/namespaces/n/{SCALERS}/{name}", b"{}")
        assert found is not None
        assert (found.canary, found.what) == (OAK, what)
        written = laws(history(*SCALED), case(**AUTOSCALED), write("a", 1, 12, what))
        assert ("an autoscaler is its users'" in written) is (what == "write autoscaler")


@pytest.mark.parametrize("now", [0, 2])
@pytest.mark.parametrize("side", ["target", "primary"])
async def test_an_autoscaler_wakes_nothing(side: str, now: int, tmp_path: Path) -> None:
    """As the cluster's own: a workload that has no pods is left alone."""
    async with field(tmp_path) as (server, site):
        await site.install(OAK, "gateway_autoscaled", BASE)
        people = Hands(site.api, site.namespace, "http://127.0.0.1:9")
        released = Case(Release(OAK, "good", 0.0, shape="gateway_autoscaled"), BASE)
        place = people.workload(released, "primary" if side == "primary" else "")
        server.objects[place] = {**server.objects[people.workload(released)], "spec": {"replicas": now}}
        await people.do(f"autoscale {side}", released)
        assert server.objects[place]["spec"]["replicas"] == (3 if now else 0)
        await people.undo(f"autoscale {side}", released)
        assert server.objects[place]["spec"]["replicas"] == (1 if now else 0)


def test_hands_of_one_shape_are_laid_on_no_other() -> None:
    """They would find nothing there, and be counted."""
    found = set()
    drawn = [draw(3, number, shapes=("gateway_autoscaled", "gateway_deployment")) for number in range(60)]
    for release in (one for plan in drawn for one in plan.releases if one.fault):
        assert release.fault is not None
        if release.fault.kind in OWN:
            assert release.fault.kind in APPLICATIONS[release.shape].hands
            found.add(release.fault.kind)
    assert found == OWN


SHARED = {"shape": "gateway_shared_label"}
NEXT_DOOR = "oak-neighbour"
MINE = (6, "pods", "oak-1", {"app": OAK, "instance": OAK, "address": "10.0.0.2", "tag": "r1-good"})
THEIRS = (7, "pods", "n-1", {"app": OAK, "instance": NEXT_DOOR, "address": "10.0.0.9", "tag": "neighbour"})
APART = "neighbours never meet"


def slice_of(version: int, service: str, *ready: str) -> tuple[int, str, str, dict[str, Any]]:
    return version, "endpointslices", f"{service}-s", {"service": service, "ready": list(ready)}


@pytest.mark.parametrize(("service", "own"), [(f"{OAK}-canary", "10.0.0.2"), (NEXT_DOOR, "10.0.0.9")])
@pytest.mark.parametrize("stranger", ["10.0.0.2", "10.0.0.9"])
def test_a_service_that_offers_a_neighbour_s_pods_is_caught(service: str, own: str, stranger: str) -> None:
    """In both directions, and by the instance alone: both have the label `app`."""
    seen = history(*REST, MINE, THEIRS, slice_of(11, service, own), slice_of(12, service, own, stranger))
    assert (APART in laws(seen, case(**SHARED))) is (stranger != own)
    assert APART not in laws(seen, case())


def test_a_user_who_meets_a_neighbour_s_pod_is_caught() -> None:
    """The answer says whose pod it was."""
    theirs, mine = Answer(20.0, 200, "neighbour", ""), Answer(20.0, 200, "r1-good", "")
    seen = history(*REST)
    assert laws(seen, case(**SHARED, answers=[mine], others=[theirs])) == set()
    assert laws(seen, case(**SHARED, answers=[theirs])) == {APART}
    assert laws(seen, case(**SHARED, others=[mine])) == {APART}


def test_a_neighbour_that_loses_requests_is_caught_whatever_people_do_next_door() -> None:
    """Pods of this application that are killed, and a route of it that is deleted, cost the neighbour nothing."""
    failed = [Answer(20.5, 503, "", "")]
    for kind, caught in (("delete route", True), ("oom", True), ("contour away", False)):
        hit = Hit(kind, aimed=True, phase="", boundary="", at=20.0, until=22.0)
        found = laws(history(*REST), case(**SHARED, others=failed, hits=[hit]))
        assert ("a neighbour is left alone" in found) is caught, kind


@pytest.mark.parametrize("name", [NEXT_DOOR, f"{NEXT_DOOR}-primary"])
@pytest.mark.parametrize("change", [{"pods": 0}, {"frozen": True}, {"tag": "r1-good"}, {"ready": 0}])
def test_a_neighbour_that_is_changed_is_caught(name: str, change: dict[str, Any]) -> None:
    """What its users wrote of it; how many of its pods are ready is its controller's to say."""
    spec = {"tag": "neighbour", "round": "0", "pods": 1, "frozen": False, "ready": 1}
    seen = history(*REST, (6, "deployments", name, spec), (11, "deployments", name, {**spec, **change}))
    assert ("a neighbour is left alone" in laws(seen, case(**SHARED))) is ("ready" not in change)


def test_a_write_to_a_neighbour_is_caught() -> None:
    """Whatever it changes."""
    found = act_of("PATCH", f"/apis/apps/v1/namespaces/n/deployments/{NEXT_DOOR}-primary", b"{}")
    assert found is not None
    assert found.canary == NEXT_DOOR
    stray = replace(write("a", 1, 12, "mark target"), act=found)
    assert laws(history(*REST), case(**SHARED), stray) == {"a neighbour is left alone"}
