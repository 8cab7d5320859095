"""What keeps a Train from departing: each by its field, with the way out."""

from __future__ import annotations

import pytest

from sluice.manifests.own.train import Train
from sluice.trains.problems import owner_of, problems
from tests.trains_samples import PLATFORM, TEAM, train, train_manifest


def test_a_train_as_people_write_it_has_none() -> None:
    """Fate and promotion go together by themselves."""
    assert problems(train()) == ()
    assert problems(train(fate="partial")) == ()


@pytest.mark.parametrize(
    ("sut", "said"),
    [
        (train(("a", "b"), ("b", "a")), "round in a circle"),
        (train(("a", "a")), "a → a go round"),
        (train("a", ("b", "nobody")), "spec.cars[1].after: b comes after nobody, which is no car of this train"),
        (train("a", "a"), "a is there 2 times"),
        (train(fate="partial", promotion="together"), "spec.promotion"),
        (train(boarding={"version": "one or two"}), "spec.boarding.version"),
        (train(boarding={"selector": "a in ("}), "spec.boarding.selector"),
        (train(departures=[{"cron": "at noon"}]), "spec.departures[0].cron"),
    ],
)
def test_each_is_named_by_its_field(sut: Train, said: str) -> None:
    """So that whoever reads it knows what to change."""
    assert any(said in one for one in problems(sut)), problems(sut)


def test_a_service_has_one_train_and_the_older_one_keeps_it() -> None:
    """The other one says whose it is; which is first does not depend on the order of the list."""
    first, second = train("a", "b"), train_manifest("b", "c", name="other")
    second["metadata"]["creationTimestamp"] = "2026-11-02T00:00:00Z"
    later = Train.parse(second)
    for listed in ([first, later], [later, first]):
        assert problems(first, listed) == ()
        (said,) = problems(later, listed)
        assert said == f"spec.cars: Canary {TEAM}/b is in Train {PLATFORM}/monday already: a service has one train"
        assert owner_of((TEAM, "b"), listed) is first
    assert owner_of((TEAM, "nobody"), [first]) is None


def test_a_car_of_another_namespace_is_refused_where_the_installation_says_so() -> None:
    """As for every other reference."""
    (said, *_) = problems(train("a"), own_namespace_only=True)
    assert "SLUICE_NO_CROSS_NAMESPACE_REFS" in said
