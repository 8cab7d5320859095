"""The laws about what is somebody else's: what an autoscaler gave, its own object, and its copy for the primary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.faults.applications import APPLICATIONS
from lab.faults.field import BASE
from lab.faults.judged.cases import Case
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
    for release in (one for number in range(60) for one in draw(3, number).releases if one.fault):
        assert release.fault is not None
        if release.fault.kind in OWN:
            assert release.fault.kind in APPLICATIONS[release.shape].hands
            found.add(release.fault.kind)
    assert found == OWN
