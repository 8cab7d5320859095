"""Who goes first when more runs are due than fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from prefect.client.schemas.objects import FlowRun

from deployments.worker.fairness import Choice, choose
from deployments.workflows import Queue

START = datetime(2026, 1, 1, tzinfo=UTC)
DEPLOYMENT = uuid4()
ROOM = {Queue.ROLLOUTS: 10, Queue.SHORT: 10}


def due(at: int, deployment: UUID = DEPLOYMENT, clock: bool = False, **parameters: Any) -> FlowRun:
    return FlowRun(
        auto_scheduled=clock,
        flow_id=uuid4(),
        deployment_id=deployment,
        parameters=parameters,
        expected_start_time=START + timedelta(seconds=at),
        created=START + timedelta(seconds=at),
    )


def rollouts(*runs: FlowRun, held: tuple[FlowRun, ...] = (), room: int = 10) -> Choice:
    return choose({Queue.ROLLOUTS: runs}, held, {Queue.ROLLOUTS: room})


def test_the_oldest_goes_first() -> None:
    """Among equals nobody is overtaken."""
    first, second = due(1, namespace="a", canary="x"), due(2, namespace="b", canary="x")
    assert rollouts(second, first).take == [first, second]


def test_a_namespace_with_many_does_not_keep_another_waiting() -> None:
    """A team that releases all at once and a team with one service take turns."""
    many = [due(at, namespace="many", canary=f"c{at}") for at in range(20)]
    one = due(30, namespace="one", canary="x")
    assert one in rollouts(*many, one, room=2).take


def test_what_runs_already_counts() -> None:
    """Whoever fills the worker has the next turn only after those who have less."""
    held = tuple(due(at, namespace="many", canary=f"h{at}") for at in range(3))
    waiting, late = due(1, namespace="many", canary="c"), due(9, namespace="one", canary="x")
    assert rollouts(waiting, late, held=held, room=1).take == [late]


def test_a_full_queue_takes_nothing_from_another() -> None:
    """Short flows have room of their own: rollouts for hours do not keep a delivery waiting."""
    rollout, delivery = due(1, namespace="a", canary="x"), due(2, image="registry/shop")
    choice = choose({Queue.ROLLOUTS: [rollout], Queue.SHORT: [delivery]}, [], {Queue.ROLLOUTS: 0, Queue.SHORT: 1})
    assert choice.take == [delivery]


def test_of_several_runs_for_one_canary_the_newest_stands_in() -> None:
    """A rollout takes what the target holds when it starts: the older ones would do the same."""
    old, other, new = (
        due(1, namespace="a", canary="x"),
        due(2, namespace="a", canary="y"),
        due(3, namespace="a", canary="x"),
    )
    choice = rollouts(old, other, new)
    assert set(map(id, choice.take)) == {id(other), id(new)}
    assert choice.superseded == [(old, new)]


def test_a_run_that_tries_a_revision_again_is_kept() -> None:
    """It can do what a newer run cannot: roll out what was rolled back."""
    again, new = due(1, namespace="a", canary="x", retry_refused=True), due(2, namespace="a", canary="x")
    choice = rollouts(again, new)
    assert choice.take == [again, new]
    assert not choice.superseded


def test_flows_of_other_kinds_are_never_superseded() -> None:
    """Each push is a delivery of its own."""
    runs = [due(at, image="registry/shop", tag=str(at)) for at in range(5)]
    choice = choose({Queue.SHORT: runs}, [], ROOM)
    assert choice.take == runs
    assert not choice.superseded


def test_of_several_syncs_of_one_reference_that_wait_the_newest_stands_in() -> None:
    """Ten Kustomizations that are applied with their source are eleven events, and each sync would read all of them."""
    url = {"url": "https://git.example/app", "ref": "main", "commit": "", "reapply": ""}
    syncs = [due(at, **url) for at in range(11)]
    pushed, asked = due(11, **{**url, "commit": "c1"}), due(12, **{**url, "reapply": "team/app"})
    choice = choose({Queue.SHORT: [*syncs, pushed, asked]}, [], ROOM)
    assert choice.take == [syncs[-1], pushed, asked]
    assert choice.superseded == [(one, syncs[-1]) for one in syncs[:-1]]


def test_looks_that_were_put_off_are_one() -> None:
    """Nine minutes of a busy worker are nine looks of the clock: the newest sees what all would see."""
    looks = [due(60 * at, clock=True) for at in range(9)]
    push = due(1, image="registry/shop", tag="1")
    choice = choose({Queue.SHORT: [*looks, push]}, [], ROOM)
    assert choice.take == [push, looks[-1]]
    assert choice.late == looks[:-1]


def test_a_look_stands_for_none_that_was_asked_for_or_asks_for_something_else() -> None:
    """A person's run is kept, and so are two schedules of one deployment with parameters of their own."""
    other = uuid4()
    runs = [
        due(1, look_back_s=86400),
        due(2),
        due(3, clock=True, canary="x"),
        due(4, clock=True, canary="y"),
        due(5, other, clock=True),
        due(6, clock=True),
    ]
    choice = choose({Queue.SHORT: runs}, [], ROOM)
    assert set(map(id, choice.take)) == set(map(id, runs))
    assert not choice.late
