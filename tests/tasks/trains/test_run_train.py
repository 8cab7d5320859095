"""run_train: whatever happens, and whenever the process dies, a train ends right, and no service is outside its fate."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sluice.manifests.own.train import FINALIZER, CarState, TrainPhase
from tests.tasks.trains.town import TrainTown

LIVES = 60
FIVE_LEVELS = tuple(
    (
        f"s{index}",
        *(f"s{one}" for one in (index - 10, index - 9) if max(0, 10 * (index // 10 - 1)) <= one < 10 * (index // 10)),
    )
    for index in range(50)
)
"""Fifty services in five levels of ten; each comes after one or two of the level before."""


def test_a_train_of_four_arrives() -> None:
    """All are promoted, in their order, by one run."""
    sut = TrainTown().live()
    train = sut.at_end()
    assert (train.status.phase, train.status.message) == (TrainPhase.ARRIVED, "4 of 4 promoted")
    assert {one.users_meet for one in sut.services.values()} == {f"{name}-1.1.0" for name in sut.services}
    assert FINALIZER not in train.metadata.finalizers
    assert [one.status for one in train.status.conditions if one.type == "Ready"] == ["True"]
    assert sut.lives == 1


@pytest.mark.parametrize("promotion", ["together", "in-order"])
@pytest.mark.parametrize("where", ["analysis", "waiting", "promotion"])
def test_all_go_home_wherever_one_fails(promotion: str, where: str) -> None:
    """What was promoted is taken back, and boards again at the next departure: it has not failed."""
    sut = TrainTown(promotion=promotion)
    failing = "db" if where == "waiting" else "web"  # which waits longest
    sut.services[failing].fails_at = where
    sut.live()
    train = sut.at_end()
    if promotion == "in-order" and where == "waiting":
        assert train.status.phase is TrainPhase.ARRIVED, "in order nobody waits there"
        return
    assert train.status.phase is TrainPhase.RETURNED
    assert [one.users_meet for one in sut.services.values()] == ["db-1.0.0", "api-1.0.0", "web-1.0.0", "mail-1.0.0"]
    phases = {name: one.status["phase"] for name, one in sut.services.items()}
    assert phases == {name: "Failed" if name == failing else "Waiting" for name in phases}
    assert [one.status for one in train.status.conditions if one.type == "Ready"] == ["False"]


def test_with_partial_fate_the_rest_goes_on() -> None:
    """Who comes after the failed one stays where it was, and waits for the next departure."""
    sut = TrainTown(fate="partial")
    sut.services["api"].fails_at = "analysis"
    sut.live()
    train = sut.at_end()
    assert {ride.name: ride.state for ride in train.status.rides} == {
        "db": CarState.PROMOTED,
        "mail": CarState.PROMOTED,
        "api": CarState.FAILED,
        "web": CarState.STAYED,
    }
    assert sut.services["web"].said == []


@pytest.mark.parametrize(
    "happens",
    ["push", "delete a Canary", "delete the train", "suspend the train", "edit the train", "a second train"],
)
@pytest.mark.parametrize("moment", [3.0, 12.0, 25.0])
def test_what_people_do_in_the_middle_brings_no_service_outside_the_fate(happens: str, moment: float) -> None:
    """Whenever they do it."""
    sut = TrainTown(seed=int(moment))
    sut.people = [(moment, lambda: HAPPENS[happens](sut)), (moment + 300, lambda: sut.change(suspend=False))]
    sut.live().at_end()


def second_train(sut: TrainTown) -> None:
    """Somebody makes another train with two of the services; the older one keeps them."""
    item = next(one for (kind, _, _), one in sut.cluster.objects.items() if kind == "Train")
    meta = {"name": "other", "namespace": "platform", "uid": "uid-other", "creationTimestamp": "2026-11-30T08:00:00Z"}
    cars = item["spec"]["cars"][:2]
    sut.cluster.add({**item, "metadata": meta, "spec": {"cars": [{**car, "after": []} for car in cars]}, "status": {}})


HAPPENS: dict[str, Any] = {
    "push": lambda sut: sut.services["api"].push("1.2.0"),
    "delete a Canary": lambda sut: sut.services["db"].delete(),
    "delete the train": lambda sut: sut.delete(),
    "suspend the train": lambda sut: sut.change(suspend=True),
    "edit the train": lambda sut: sut.change(fate="partial", lanes=1, cars=[{"canary": "db", "after": ["db"]}]),
    "a second train": second_train,
}


@pytest.mark.parametrize("first", range(0, LIVES, 20))
def test_the_laws_hold_in_every_life(first: int) -> None:
    """Orders, fates, failures, people and deaths by chance: it always comes to an end, and to the right one."""
    for seed in range(first, first + 20):
        dice = random.Random(f"train/{seed}")
        names = [f"s{index}" for index in range(dice.randint(1, 7))]
        cars = [(name, *dice.sample(names[:index], dice.randint(0, min(index, 2)))) for index, name in enumerate(names)]
        fate = dice.choice([{"fate": "one"}, {"fate": "one", "promotion": "in-order"}, {"fate": "partial"}])
        sut = TrainTown(*cars, seed=seed, crashes=dice.randint(0, 6), lanes=dice.randint(1, 4), deadline="10m", **fate)
        for name in names:
            if dice.random() < 0.15:
                sut.services[name].fails_at = dice.choice(["analysis", "waiting", "promotion"])
        if dice.random() < 0.5:
            act = HAPPENS[dice.choice(sorted(HAPPENS))] if len(names) > 1 else HAPPENS["delete the train"]
            known = {"api": sut.services[names[-1]], "db": sut.services[names[0]]}
            sut.services |= {name: service for name, service in known.items() if name not in sut.services}
            sut.people = [(dice.uniform(0, 60), lambda act=act, sut=sut: act(sut))]
            sut.people.append((sut.people[0][0] + 200, lambda sut=sut: sut.change(suspend=False)))
        sut.live()
        try:
            sut.at_end()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_fifty_services_in_five_levels_with_three_deaths_end_right() -> None:
    """5 % of them failing: with one fate all are at home, with partial all but those after a failed one are promoted."""
    for seed, fate in enumerate(["one", "partial", "one", "partial"]):
        sut = TrainTown(*FIVE_LEVELS, seed=seed, fate=fate)
        sut.dies_at = {2, 5, 8}
        for name in random.Random(seed).sample(sorted(sut.services), 2):
            sut.services[name].fails_at = ["analysis", "promotion"][seed // 2]
        sut.live()
        train = sut.at_end()
        assert sut.lives == 1 + len(sut.dies_at)
        assert train.status.phase is (TrainPhase.RETURNED if fate == "one" else TrainPhase.ARRIVED)
        lost = {ride.name for ride in train.status.rides if ride.state is CarState.FAILED}
        if fate == "partial":
            after = {name for name in sut.services if reached(sut.order, name) & lost} - lost
            promoted = {name for name, one in sut.services.items() if one.users_meet.endswith("1.1.0")}
            assert promoted == set(sut.services) - lost - after


def reached(order: dict[str, tuple[str, ...]], name: str) -> set[str]:
    """All that a service comes after."""
    return {one for after in order[name] for one in {after} | reached(order, after)}
