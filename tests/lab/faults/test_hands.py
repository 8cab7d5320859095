"""What people do in the fault suite: each habit by a real connection to objects, and the law about what they take away."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.faults.applications import APPLICATIONS
from lab.faults.field import BASE
from lab.faults.judged.cases import CORRECTED_S, Case, Hit
from lab.faults.judged.evidence import Evidence
from lab.faults.judged.observer import Answer
from lab.faults.judged.restored import what_is_deleted_is_restored
from lab.faults.plan import HANDS as PLANNED
from lab.faults.plan import OWN, Release
from lab.faults.striking.hands import HANDS, Hands
from tests.lab.faults.test_field import field
from tests.lab.faults.test_laws import HOME, OAK, case, history, laws, offers


def test_what_is_planned_can_be_done_and_has_a_time_to_be_corrected_in() -> None:
    """The plan knows names only."""
    assert set(PLANNED) == set(HANDS) == set(CORRECTED_S)


DONE = [
    (habit, name)
    for name, shape in APPLICATIONS.items()
    for habit in sorted(set(HANDS) - {"fail run"} - (OWN - set(shape.hands)))
]


@pytest.mark.parametrize(("habit", "shape"), DONE)
async def test_each_habit_leaves_the_target_and_the_canary_there(habit: str, shape: str, tmp_path: Path) -> None:
    """Done and undone on a real connection; what is not there is left."""
    async with field(tmp_path) as (server, site):
        await site.install(OAK, shape, BASE)
        people = Hands(site.api, site.namespace, "http://127.0.0.1:9")
        released = Case(Release(OAK, "good", 0.0, shape=shape), BASE)
        before = set(server.objects)
        await people.do(habit, released)
        await people.undo(habit, released)
        gone = before - set(server.objects)
        assert gone <= {people.route(released)}
        assert gone == ({people.route(released)} & before if habit == "delete route" else set())


def test_a_route_that_is_not_restored_in_time_is_caught() -> None:
    """It is excused for as long as correcting it may take, and not a second longer."""
    deleted = (20, "httproutes", OAK, {})
    late, soon = int(20 + CORRECTED_S["delete route"] + 2), 22
    for back, broken in ((soon, False), (late, True)):
        seen = history((1, "httproutes", OAK, {"weights": HOME}), deleted, (back, "httproutes", OAK, {"weights": HOME}))
        assert bool(list(what_is_deleted_is_restored(Evidence(seen, ()), case()))) is broken


def test_the_time_in_which_no_worker_was_there_is_not_counted() -> None:
    """Nobody could put it right. Two such faults at one time count once."""
    away = [Hit("kill both workers", True, "", "", 21.0, 30.0), Hit("api cut", False, "", "", 26.0, 40.0)]
    assert case(hits=away).unattended(20.0, 50.0) == 19.0
    deleted = (20, "httproutes", OAK, {})
    for back, broken in ((42, False), (46, True)):
        seen = history((1, "httproutes", OAK, {"weights": HOME}), deleted, (back, "httproutes", OAK, {"weights": HOME}))
        assert bool(list(what_is_deleted_is_restored(Evidence(seen, ()), case(hits=away)))) is broken


SCALED = (("autoscale primary", 24.0, False), ("autoscale primary", 60.0, True), ("raise least pods", 21.0, True))


def test_requests_are_lost_only_while_what_people_deleted_is_away() -> None:
    """A deleted route costs requests until it is restored; a suspended Canary costs none."""
    base = history((1, "httproutes", OAK, {"weights": HOME}), offers(2, "primary", "10.0.0.1"))
    for kind, at, lost in (
        ("delete route", 21.0, False),
        ("delete route", 60.0, True),
        ("suspend", 21.0, True),
        *SCALED,
    ):
        hit = Hit(kind, True, "", "", 20.0, 22.0)
        answers = [Answer(at, 503, "", "")]
        assert ("users lose nothing" in laws(base, case(hits=[hit], answers=answers))) is lost, kind
