"""Who boards with which version, and why the others stay."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.trains.boarding import boarded
from tests.trains_samples import NOW, Object, canaries, car_manifest, rested, train


def stays(*manifests: Object, **spec: Any) -> dict[str, str]:
    """Who stays, and why."""
    return boarded(train("db", ("api", "db"), ("web", "api"), **spec), canaries(*manifests), NOW).stayed


def test_who_waits_boards_with_its_revision_and_knows_its_home() -> None:
    """In the order of the levels."""
    found = boarded(train("mail", ("api", "db"), "db"), canaries(*map(car_manifest, ("db", "api", "mail"))), NOW)
    assert [(one.name, one.after) for one in found.rides] == [("db", ()), ("mail", ()), ("api", ("db",))]
    assert (found.rides[0].revision, found.rides[0].version, found.rides[0].before) == ("db-1.1.0", "1.1.0", "db-1.0.0")
    assert found.stayed == {}


def test_one_that_has_nothing_new_holds_nobody_up() -> None:
    """What comes after it comes after what it came after."""
    sut = train("db", ("api", "db"), ("web", "api"))
    found = boarded(sut, canaries(car_manifest("db"), rested("api"), car_manifest("web")), NOW)
    assert [(one.name, one.after) for one in found.rides] == [("db", ()), ("web", ("db",))]
    assert found.stayed == {"api": "has nothing new"}


def test_what_comes_after_one_that_stays_with_something_new_stays_too() -> None:
    """Also where one that has nothing new is between them."""
    found = stays(car_manifest("db", "Failed"), rested("api"), car_manifest("web"))
    assert found["db"] == "1.1.0 was rolled back: push another version"
    assert found["web"] == "comes after api, which stays"
    assert stays(car_manifest("api"))["api"] == "comes after db, which stays"


@pytest.mark.parametrize(
    ("manifest", "spec", "said"),
    [
        (car_manifest("db", version="2.0.0"), {"boarding": {"version": "^1.0.0"}}, "2.0.0 is not in ^1.0.0"),
        (car_manifest("db", version="main-1"), {"boarding": {"version": ">=1"}}, "main-1 is no semantic version"),
        (car_manifest("db"), {"boarding": {"selector": "train=yes"}}, "labels are not train=yes"),
        (car_manifest("db", since=NOW - 60), {"boarding": {"readyBefore": "15m"}}, "came 60 s before the bell"),
        (car_manifest("db", "Progressing"), {}, "not waiting at the train: it is Progressing"),
        (car_manifest("db") | {"spec": car_manifest("db")["spec"] | {"suspend": True}}, {}, "is suspended"),
        (car_manifest("nobody"), {}, "there is no Canary shop/db"),
    ],
)
def test_why_one_stays_is_said(manifest: Object, spec: dict[str, Any], said: str) -> None:
    """With what it has and what the train takes."""
    assert said in stays(manifest, **spec)["db"]


def test_a_cars_own_rules_take_the_place_of_the_trains() -> None:
    """One service may be let on with a prerelease."""
    sut = train("db", boarding={"version": ">=2"})
    own = sut.spec.cars[0].model_copy(update={"boarding": train(boarding={"version": "1.x"}).spec.boarding})
    sut = sut.model_copy(update={"spec": sut.spec.model_copy(update={"cars": (own,)})})
    assert [one.name for one in boarded(sut, canaries(car_manifest("db")), NOW).rides] == ["db"]


def test_one_that_was_there_in_time_boards() -> None:
    """`readyBefore` counts from when it began to wait."""
    sut = train("db", boarding={"readyBefore": "15m"})
    assert boarded(sut, canaries(car_manifest("db", since=NOW - 901)), NOW).stayed == {}
