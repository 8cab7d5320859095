"""Twins: two Canaries of one name in two namespaces are two, in the plan, in what faults hit, and in what laws judge."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from lab.faults.judged.outcomes import Run, rollouts_are_recorded, runs_act_on_their_own_canary
from lab.faults.judged.recovery import recovered
from lab.faults.plan import PROCESS, WHOLE_LAB, Plan, draw
from lab.faults.proxies.acts import Act
from lab.faults.proxies.proxy import Proxy
from lab.faults.proxies.weather import Weather
from tests.lab.faults.test_laws import BASE, OAK, case, history, write

SHAPE = ("gateway_two_namespaces",)
RUN = Run("roll_out", {"namespace": "n", "canary": OAK}, "COMPLETED", "Rolled back", "", "run-1")


def test_each_release_of_such_an_application_has_one_of_its_twin() -> None:
    """Of another story, in the same round: where both were good, one taken for the other would not be seen."""
    for number in range(20):
        releases = draw(1, number, shapes=SHAPE).releases
        for one, twin in zip(releases[::2], releases[1::2], strict=True):
            assert (one.app, one.twin, twin.twin) == (twin.app, False, True)
            assert (one.story == twin.story) is (one.story == "first")
            assert twin.fault is None or twin.fault.kind not in {*PROCESS, *WHOLE_LAB}
        plan = Plan(1, number, releases)
        assert Plan.from_json(plan.as_json()) == plan


def test_a_twin_changes_nothing_of_what_is_planned_for_others() -> None:
    """It is drawn by dice of its own."""
    both = draw(4, 2, ("ash", "birch", "cedar", "elm", "fir"), shapes=(*SHAPE, "gateway_deployment"))
    assert any(one.twin for one in both.releases)
    again = draw(4, 2, ("ash", "birch", "cedar", "elm", "fir"), shapes=("gateway_deployment",))
    alone = [replace(one, shape="gateway_deployment") for one in both.releases if not one.twin]
    assert [(one.app, one.story, one.start, one.fault) for one in alone] == [
        (one.app, one.story, one.start, one.fault) for one in again.releases
    ]


@pytest.mark.parametrize(("namespace", "counted"), [("n", True), ("n-twin", False)])
def test_what_is_recorded_of_one_twin_is_not_the_other_s(namespace: str, counted: bool) -> None:
    """A rollback that only Prefect knows of breaks the law of that Canary alone."""
    other = replace(RUN, parameters={"namespace": namespace, "canary": OAK})
    assert bool(list(rollouts_are_recorded(history(*BASE), case(), [other]))) is counted


@pytest.mark.parametrize(
    ("act", "run", "caught"),
    [
        (Act("n", OAK, "route 0"), "run-1", False),
        (Act("n-twin", OAK, "route 0"), "run-1", True),
        (Act("n", "elm", "route 0"), "run-1", True),
        (Act("n-twin", OAK, "route 0"), "", False),
    ],
    ids=["its own", "its twin's", "another one's", "the keeper's"],
)
def test_a_run_that_writes_what_is_another_canary_s_is_caught(act: Act, run: str, caught: bool) -> None:
    """Also where that one has the same name."""
    written = replace(write("a", 1, 12, act.what, run=run), act=act)
    assert bool(list(runs_act_on_their_own_canary([written], [RUN]))) is caught


async def test_a_twin_that_goes_on_is_no_recovery_of_the_other() -> None:
    """Each is waited for by itself."""
    proxy = Proxy("b", "http://127.0.0.1:9", None, Weather("1"))
    other: Any = case(ended=None)
    going = asyncio.create_task(recovered("kill worker", [other], [proxy], ["a"], (10.0, 11.0, 4e9)))
    proxy.writes.append(replace(write("b", 1, 12, "route 0", at=12.0), act=Act("n-twin", OAK, "route 0")))
    await asyncio.sleep(0.4)
    assert not going.done()
    proxy.writes.append(write("b", 1, 13, "route 0", at=13.0))
    (found,) = await asyncio.wait_for(going, 5)
    assert (found.canary, found.from_fault) == (OAK, pytest.approx(2.9))
