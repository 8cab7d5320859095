"""What docs/trains.md shows is tried: its trains have no problems, depart, and each has a plan with a picture."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sluice.manifests.own.train import Train
from sluice.trains.boarding import boarded
from sluice.trains.plan import mermaid, plan
from sluice.trains.problems import problems, services
from sluice.trains.timetable import departs
from tests.samples import merged
from tests.trains_samples import NOW, canaries, car_manifest

PAGE = (Path(__file__).parents[2] / "docs" / "trains.md").read_text()
TRAINS = [Train.parse(yaml.safe_load(text)) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("sut", TRAINS, ids=lambda one: one.name)
def test_each_train_shown_departs_with_all_of_its_services(sut: Train) -> None:
    """Where each of them has waited since yesterday with a version that the train takes."""
    there = canaries(
        *(
            merged(car_manifest(canary, version="2.1.0", since=NOW - 86400), {"metadata": {"namespace": namespace}})
            for namespace, canary in services(sut)
        )
    )
    assert problems(sut, TRAINS) == ()
    found = boarded(sut, there, NOW)
    assert found.stayed == {}
    assert {ride.name for ride in found.rides} == {car.called for car in sut.spec.cars}
    drawn = mermaid(plan(sut, TRAINS, there, NOW))
    assert all(f"{ride.name} 2.1.0" in drawn for ride in found.rides)


def test_the_sentence_that_is_shown_is_the_one_that_people_read() -> None:
    """With the bell in the train's own time zone."""
    assert f"waits for {TRAINS[0]}: {departs(TRAINS[0], NOW - 3600)}" in PAGE
