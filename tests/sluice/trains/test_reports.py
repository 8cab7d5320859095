"""What users of other tools have reported about releases that depend on each other, each tried on a train."""

from __future__ import annotations

from sluice.manifests.own.train import CarState, TrainPhase
from sluice.trains.boarding import boarded
from sluice.trains.holding import held
from sluice.trains.problems import problems
from sluice.trains.timetable import departs
from tests.sluice.trains.test_journey import Town
from tests.trains_samples import NOW, canaries, car_manifest, rested, train


def said(sut: Town, name: str) -> str:
    """What a service is told before its pods."""
    canary = canaries(sut.services[name])["shop", name]
    found = held([sut.train], canary, sut.now)
    assert found is not None
    return found.rollout


def test_the_order_holds_for_updates_too_not_only_the_first_time() -> None:
    """argoproj/argo-cd#8778, #5585: waves order the first sync of child applications, and no later change."""
    sut = Town()
    for _ in range(2):
        sut.ask()
        sut.settle()
        sut.ask()
        sut.settle()
        assert sut.in_state(CarState.RIDING) == {"db", "mail"}
        assert "its turn comes after db" in said(sut, "api")
        sut.passes("db", "api", "web", "mail")
        sut.promoted("db", "mail", "api", "web")
        assert sut.train.status.phase is TrainPhase.ARRIVED
        sut.services = {name: car_manifest(name) for name in sut.services}
        sut.now += 100


def test_an_old_verdict_does_not_let_the_next_level_on() -> None:
    """argoproj/argo-cd#29649: the gate reads a healthy state from before the child has seen its new version."""
    sut = Town()
    sut.depart()
    sut.services["db"] = rested("db")  # succeeded, but with what was promoted before
    sut.settle()
    assert sut.states["api"] != CarState.RIDING
    assert sut.states["db"] == CarState.FAILED


def test_a_restart_does_not_begin_all_at_once() -> None:
    """fluxcd/flux2#3390: after a restart of the controller the order was not respected. The journal is all there is."""
    sut = Town()
    sut.depart()
    before = sut.states
    again = Town()
    again.train, again.services, again.now = sut.train, sut.services, sut.now
    again.settle()
    assert again.states == before


def test_a_circle_is_said_by_name_and_holds_nobody_elses_services() -> None:
    """fluxcd/kustomize-controller#1712: a circle silently disabled all that shared a source."""
    wrong, other = train(("a", "b"), ("b", "a")), train("c", name="other")
    (said_of_it,) = problems(wrong, [wrong, other])
    assert said_of_it.endswith("go round in a circle: take one `after` of them away")
    assert problems(other, [wrong, other]) == ()
    found = held([wrong, other], canaries(car_manifest("c"))["shop", "c"], NOW)
    assert found is not None
    assert found.train == "platform/other"


def test_a_name_in_after_that_nobody_has_is_an_error() -> None:
    """roboll/helmfile#1959: a typing error in `needs` was no error, and both were installed at once."""
    assert "db2, which is no car of this train" in problems(train("db", ("api", "db2")))[0]


def test_what_needs_one_that_is_not_released_is_not_released_either() -> None:
    """roboll/helmfile#1018: a release was installed although the one that it needs was not to be."""
    late = car_manifest("db", version="3.0.0")
    sut = train("db", ("api", "db"), boarding={"version": "<3"})
    found = boarded(sut, canaries(late, car_manifest("api")), NOW)
    assert found.stayed == {"db": "3.0.0 is not in <3", "api": "comes after db, which stays"}


def test_a_frontend_does_not_go_on_where_its_backend_fails() -> None:
    """fluxcd/flagger#1700: if the backend fails, the dependent canaries should fail."""
    sut = Town("backend", ("frontend", "backend"), "other", aboard=("backend", "frontend", "other"))
    sut.depart()
    sut.passes("other")
    sut.fails("backend")
    assert sut.states == {"backend": "Failed", "other": "Homeward", "frontend": "Stayed"}


def test_a_set_of_versions_is_promoted_as_one_thing() -> None:
    """akuity/kargo#7027, #3193: promote the exact combination that was verified together, by one act."""
    sut = Town("a", "b", aboard=("a", "b"))
    sut.depart()
    sut.passes("a")
    assert sut.in_state(CarState.PROMOTING) == set()
    sut.passes("b")
    assert sut.in_state(CarState.PROMOTING) == {"a", "b"}


def test_one_that_leaves_does_not_take_the_others_out_of_the_journal() -> None:
    """akuity/kargo#6810: aborting one queued promotion dropped the others of its stage for good."""
    sut = Town(fate="partial")
    sut.depart()
    del sut.services["mail"]
    sut.settle()
    assert set(sut.states) == {"db", "api", "web", "mail"}
    assert sut.states["db"] == CarState.RIDING


def test_each_timetable_has_its_own_time_zone() -> None:
    """spinnaker/spinnaker#1886: one time zone for all triggers, and changes of clocks by hand."""
    perth = train(departures=[{"cron": "0 9 * * MON", "timeZone": "Australia/Perth"}])
    paris = train(departures=[{"cron": "0 9 * * MON", "timeZone": "Europe/Paris"}])
    sunday = NOW - 24 * 3600
    assert departs(perth, sunday) == "departs Mon 30 Nov 09:00 Australia/Perth"
    assert departs(paris, sunday) == "departs Mon 30 Nov 09:00 Europe/Paris"
