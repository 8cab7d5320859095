"""From the changes of routes and Canaries to lateness and outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.scale.story import Record, Story, most_at_once, rollout, spread


def story(*lines: tuple[float, dict[str, Any]]) -> Story:
    told = Story()
    for at, line in lines:
        told.take({"t": at, **line})
    return told


def route(weight: int, generation: int = 1, accepted: int = 0) -> dict[str, Any]:
    return {"k": "route", "w": weight, "g": generation, "a": accepted}


def canary(phase: str, failed: int = 0) -> dict[str, Any]:
    return {"k": "canary", "p": phase, "f": failed}


def test_a_good_release_has_a_lateness_for_each_step_up_to_the_promotion() -> None:
    told = story(
        (0, canary("Initialized")),
        (0, route(0)),
        (101, canary("Progressing")),
        (102, route(10)),
        (112.5, route(20)),
        (122.5, route(100)),
        (125, route(0)),
        (127, canary("Succeeded")),
    )

    found = rollout(told, released=100, until=float("inf"), step_s=10)

    assert found.lateness == pytest.approx((0.5, 0.0))
    assert (found.begun, found.first_traffic, found.ended, found.phase) == (1, 2, 27, "Succeeded")


def test_a_step_that_was_judged_twice_is_held_not_late() -> None:
    told = story((1, canary("Progressing")), (2, route(10)), (12, canary("Progressing", failed=1)), (22, route(20)))

    found = rollout(told, released=0, until=float("inf"), step_s=10)

    assert (found.lateness, found.held) == ((), 1)


def test_traffic_that_goes_home_is_no_step() -> None:
    told = story((1, canary("Progressing")), (2, route(10)), (5, route(0)), (6, canary("Failed")))

    found = rollout(told, released=0, until=float("inf"), step_s=10)

    assert (found.lateness, found.phase) == ((), "Failed")


def test_what_comes_after_the_next_release_belongs_to_that_one() -> None:
    told = story(
        (1, canary("Progressing")),
        (2, route(10)),
        (5, canary("Succeeded")),
        (101, canary("Progressing")),
        (102, route(10)),
        (105, canary("Failed")),
    )

    assert rollout(told, 0, 100, 10).phase == "Succeeded"
    assert rollout(told, 100, float("inf"), 10).phase == "Failed"


def test_a_canary_that_still_says_how_the_last_release_ended_has_not_ended() -> None:
    told = story((0, canary("Succeeded")), (101, canary("Progressing")))

    found = rollout(told, 100, float("inf"), 10)

    assert (found.begun, found.ended, found.phase) == (1, None, "")


def test_acceptance_is_timed_from_the_new_generation() -> None:
    told = story((1, route(0, 1, 1)), (10, route(10, 2, 1)), (10.25, route(10, 2, 2)), (11, route(10, 2, 2)))

    assert told.accepted == [(1, 0), (10.25, 0.25)]


def test_a_line_that_is_not_finished_waits(tmp_path: Path) -> None:
    file = tmp_path / "record"
    line = json.dumps({"t": 1.0, "n": "a/b", **canary("Progressing")}) + "\n"
    file.write_text(line[:10])
    record = Record(file)

    assert record.read() == {}
    file.write_text(line)
    assert record.read()["a/b"].phase == "Progressing"


def test_percentiles_are_values_that_were_measured() -> None:
    found = spread([float(value) for value in range(100)])

    assert (found["p50"], found["p99"], found["max"], found["n"]) == (50, 99, 99, 100)
    assert spread([]) == {"n": 0}


def test_rollouts_at_once_are_counted_where_they_overlap() -> None:
    assert most_at_once([(0, 10), (5, 15), (9, 20), (10, 30)]) == 3
    assert most_at_once([]) == 0
