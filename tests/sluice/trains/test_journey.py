"""A journey, decision by decision: what is written when what was observed of the services."""

from __future__ import annotations

from typing import Any

from sluice.manifests.own.train import FINALIZER, CarState, Train, TrainPhase
from sluice.trains.journey import Act, Decision, decide
from tests.samples import merged
from tests.trains_samples import NOW, canaries, car_manifest, train_manifest

WAITS = {"gate": "Train platform/monday", "point": "confirm-promotion", "kept": {"alone": True}}
ALL = ("db", "api", "web", "mail")


class Town:
    """A train and its services: what is decided is written, what becomes of the services is said by the test."""

    def __init__(self, *cars: Any, aboard: tuple[str, ...] = ALL, **spec: Any) -> None:
        self.train = Train.parse(train_manifest(*cars, **spec))
        self.services = {name: car_manifest(name) for name in aboard}
        self.now = NOW

    def decide(self) -> Decision:
        return decide(self.train, [self.train], canaries(*self.services.values()), self.now)

    def settle(self) -> Decision:
        """Decide and write until nothing is to be written."""
        for _ in range(50):
            found = self.decide()
            meta = self.train.metadata
            if found.act is Act.KEEP:
                meta = meta.model_copy(update={"finalizers": (FINALIZER,)})
            elif found.act is Act.LET_GO:
                meta = meta.model_copy(update={"finalizers": ()})
            elif found.act is not Act.WRITE:
                return found
            self.train = self.train.model_copy(update={"metadata": meta, "status": found.status})
            self._begin()
        raise AssertionError("it writes for ever")

    def _begin(self) -> None:
        """Those that were let on do not wait any more."""
        for ride in self.train.status.rides:
            service = self.services.get(ride.name)
            if ride.state is CarState.RIDING and service and service["status"]["phase"] == "Waiting":
                self.services[ride.name] = merged(service, {"status": {"phase": "Progressing", "step": 0}})

    def depart(self) -> None:
        self.settle()
        self.ask()
        self.settle()

    def ask(self) -> None:
        meta = self.train.metadata.model_copy(update={"annotations": {"sluice.dev/depart": f"{self.now} by ann"}})
        self.train = self.train.model_copy(update={"metadata": meta})

    def edit(self, **spec: Any) -> None:
        """Somebody writes another manifest of that name."""
        fresh = Train.parse(train_manifest(**spec))
        meta = self.train.metadata.model_copy(update={"generation": self.train.metadata.generation + 1})
        self.train = self.train.model_copy(update={"spec": fresh.spec, "metadata": meta})

    def says(self, name: str, phase: str, **status: Any) -> None:
        """What is in the status of a service's Canary now."""
        self.services[name] = merged(self.services[name], {"status": {"phase": phase} | status})
        self.now += 1
        self.settle()

    def passes(self, *names: str) -> None:
        for name in names:
            self.says(name, "WaitingPromotion", gates=[WAITS], step=2)

    def promoted(self, *names: str) -> None:
        for name in names:
            self.says(name, "Succeeded", lastPromotedSpec=f"{name}-1.1.0")

    def fails(self, name: str) -> None:
        said = {"type": "Promoted", "status": "False", "message": "success rate 60 %"}
        self.says(name, "Failed", conditions=[said])

    def home(self, *names: str) -> None:
        for name in names:
            self.says(name, "Waiting", step=-1, lastPromotedSpec=f"{name}-1.0.0")

    @property
    def states(self) -> dict[str, str]:
        return {ride.name: str(ride.state) for ride in self.train.status.rides}

    def in_state(self, state: CarState) -> set[str]:
        return {name for name, one in self.states.items() if one == state}


def test_it_stands_until_somebody_asks_and_answers_once() -> None:
    """The wish is written down with the departure: it does not depart twice for it."""
    sut = Town()
    assert sut.settle().act is Act.NOTHING
    assert sut.train.status.phase is TrainPhase.WAITING
    sut.ask()
    assert sut.decide().act is Act.KEEP
    sut.settle()
    assert sut.train.status.phase is TrainPhase.RUNNING
    assert sut.train.asked == ""
    assert sut.train.metadata.finalizers == (FINALIZER,)


def test_one_fate_is_promoted_once_all_have_passed_in_the_order() -> None:
    """Nobody is promoted before, and nothing but its order keeps one back after."""
    sut = Town()
    sut.depart()
    assert sut.states == {"db": "Riding", "mail": "Riding", "api": "Boarded", "web": "Boarded"}
    sut.passes("db")
    assert sut.in_state(CarState.RIDING) == {"mail", "api"}
    sut.passes("api", "web")
    assert sut.train.status.phase is TrainPhase.RUNNING
    sut.passes("mail")
    assert sut.train.status.phase is TrainPhase.PROMOTING
    assert sut.in_state(CarState.PROMOTING) == {"db", "mail"}
    sut.promoted("mail", "db")
    assert sut.in_state(CarState.PROMOTING) == {"api"}
    sut.promoted("api", "web")
    assert (sut.train.status.phase, sut.train.status.message) == (TrainPhase.ARRIVED, "4 of 4 promoted")
    assert sut.train.metadata.finalizers == ()


def test_all_go_home_if_one_fails_those_first_that_come_last() -> None:
    """Before the promotions it costs nobody anything; who was not let on stays."""
    sut = Town()
    sut.depart()
    sut.passes("db", "api")
    sut.fails("mail")
    assert sut.states == {"db": "Ready", "mail": "Failed", "api": "Ready", "web": "Homeward"}
    sut.home("web")
    assert sut.in_state(CarState.HOMEWARD) == {"api"}
    sut.home("api", "db")
    assert sut.train.status.phase is TrainPhase.RETURNED
    assert sut.train.status.message == "all are at home: mail failed: success rate 60 %"


def test_what_was_promoted_is_taken_back_in_reverse_order() -> None:
    """Where one fails between the promotions; home is what was promoted before."""
    sut = Town()
    sut.depart()
    sut.passes(*ALL)
    sut.promoted("db", "mail", "api")
    sut.fails("web")
    assert sut.in_state(CarState.HOMEWARD) == {"api", "mail"}
    assert sut.train.status.phase is TrainPhase.RETURNING
    sut.home("api")
    assert sut.in_state(CarState.HOMEWARD) == {"mail", "db"}
    sut.home("db", "mail")
    assert sut.train.status.phase is TrainPhase.RETURNED


def test_one_that_cannot_be_taken_back_is_named() -> None:
    """The train comes to an end, and says who is not at home."""
    sut = Town("db", ("api", "db"), deadline="1h")
    sut.depart()
    sut.passes("db", "api")
    sut.promoted("db")
    sut.fails("api")
    sut.now += 3601
    sut.settle()
    assert sut.states == {"db": "Kept", "api": "Failed"}
    assert sut.train.status.message == "at home but for db: api failed: success rate 60 %"


def test_in_order_begins_what_comes_after_once_it_is_promoted() -> None:
    """One fate and in order: who was promoted is taken back."""
    sut = Town(promotion="in-order")
    sut.depart()
    sut.promoted("db")
    assert sut.in_state(CarState.RIDING) == {"mail", "api"}
    sut.fails("api")
    assert sut.states == {"db": "Homeward", "mail": "Homeward", "api": "Failed", "web": "Stayed"}


def test_partial_goes_on_without_those_that_come_after_a_failed_one() -> None:
    """And says who stayed because of whom."""
    sut = Town(fate="partial")
    sut.depart()
    sut.fails("db")
    assert sut.states == {"db": "Failed", "mail": "Riding", "api": "Stayed", "web": "Stayed"}
    sut.promoted("mail")
    assert sut.train.status.phase is TrainPhase.ARRIVED
    assert sut.train.status.message.startswith("1 of 4 promoted; db failed: success rate 60 %")


def test_no_more_are_on_their_way_than_there_are_lanes() -> None:
    """Those that have passed leave their lane to the next."""
    sut = Town("a", "b", "c", aboard=("a", "b", "c"), lanes=1)
    sut.depart()
    for name in ("a", "b", "c"):
        assert sut.in_state(CarState.RIDING) == {name}
        sut.passes(name)
    for name in ("a", "b", "c"):
        assert sut.in_state(CarState.PROMOTING) == {name}
        sut.promoted(name)
    assert sut.train.status.phase is TrainPhase.ARRIVED


def test_one_that_gets_another_revision_or_is_deleted_has_left() -> None:
    """What was planned is not what would be released: with one fate all go home."""
    sut = Town()
    sut.depart()
    sut.says("db", "Waiting", lastAppliedSpec="db-1.2.0")
    assert (sut.train.status.phase, sut.states["mail"]) == (TrainPhase.RETURNING, "Homeward")
    assert "another revision came" in sut.train.status.message
    sut = Town(fate="partial")
    sut.depart()
    del sut.services["mail"]
    sut.settle()
    assert sut.train.status.rides[1].reason == "left the train: its Canary was deleted"
    assert sut.states["db"] == "Riding"


def test_an_edit_under_way_is_for_the_next_journey() -> None:
    """Also one that makes the manifest wrong."""
    sut = Town()
    sut.depart()
    sut.edit(fate="partial", lanes=1)
    sut.passes("db")
    assert sut.in_state(CarState.RIDING) == {"mail"}, "lanes are the manifest's own: fewer at once is no other plan"
    sut.fails("mail")
    assert sut.train.status.phase is TrainPhase.RETURNING


def test_a_train_that_is_deleted_under_way_brings_all_home_first() -> None:
    """Only then the finalizer goes."""
    sut = Town()
    sut.depart()
    sut.passes("db")
    meta = sut.train.metadata.model_copy(update={"deletion_timestamp": "2026-11-30T08:01:00Z"})
    sut.train = sut.train.model_copy(update={"metadata": meta})
    sut.settle()
    assert sut.train.metadata.finalizers == (FINALIZER,)
    sut.home("api", "mail", "db")
    assert sut.train.metadata.finalizers == ()
    assert "deleted under way" in sut.train.status.message


def test_a_suspended_train_lets_nobody_on_and_still_takes_them_home() -> None:
    """Under way; one that stands does not depart, and does not forget to say so."""
    sut = Town()
    sut.depart()
    sut.edit(suspend=True)
    sut.passes("db")
    assert sut.in_state(CarState.RIDING) == {"mail"}
    assert "spec.suspend is set" in sut.train.status.message
    sut.fails("mail")
    assert sut.train.status.phase is TrainPhase.RETURNING
    still = Town(suspend=True)
    still.depart()
    assert still.train.status.message == "did not depart: it is suspended"


def test_nobody_aboard_is_no_journey() -> None:
    """The bell is answered, and why everybody stayed is said."""
    sut = Town("db", aboard=())
    sut.depart()
    assert sut.train.status.phase is TrainPhase.WAITING
    assert sut.train.status.message == "did not depart, for nobody was aboard: db there is no Canary shop/db"
    assert sut.settle().act is Act.NOTHING


def test_one_that_takes_for_ever_goes_home() -> None:
    """Its deadline is as if it had failed."""
    sut = Town(deadline="1h", fate="partial")
    sut.depart()
    sut.now += 3601
    sut.settle()
    assert sut.states == {"db": "Homeward", "mail": "Homeward", "api": "Stayed", "web": "Stayed"}


def test_a_train_with_problems_does_not_depart_until_they_are_gone() -> None:
    """The bell of that time is over then."""
    sut = Town(("db", "api"), ("api", "db"))
    sut.depart()
    assert sut.train.status.message.startswith("does not depart: spec.cars: ")
    sut.edit()
    sut.settle()
    assert (sut.train.status.message, sut.train.status.phase) == ("stands", TrainPhase.WAITING)


def test_a_bell_departs_with_nobody_there() -> None:
    """Once for each bell."""
    sut = Town(departures=[{"cron": "0 9 * * MON", "timeZone": "Europe/Berlin"}])
    sut.now = NOW - 100
    sut.settle()
    sut.now = NOW + 1
    sut.settle()
    assert sut.train.status.phase is TrainPhase.RUNNING
    assert sut.train.status.last_bell == NOW
