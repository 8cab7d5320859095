"""Accepted pushes are held against their runs, also those whose run comes late."""

from __future__ import annotations

import time

import pytest

from lab.faults.judged import deliveries
from lab.faults.judged.deliveries import ANSWERED_WITHIN_S, Deliveries
from lab.faults.judged.outcomes import Run


class Recorded:
    """What Prefect has; `later` joins it when it is asked the second time."""

    def __init__(self, *runs: Run, later: tuple[Run, ...] = ()) -> None:
        self._runs, self._later = [*runs], later

    async def since(self, began: float) -> list[Run]:
        found = list(self._runs)
        self._runs += self._later
        self._later = ()
        return found


def run(tag: str, state: str = "COMPLETED") -> Run:
    return Run("deliver_image", {"tag": tag}, state, state, "", "id")


def judged(recorded: Recorded, *tags: str, age: float = 0.0) -> Deliveries:
    found = Deliveries(recorded)  # type: ignore[arg-type]
    found.took([(time.time() - age, tag) for tag in tags])
    return found


@pytest.mark.parametrize(
    ("runs", "broken"),
    [
        ([run("t")], 0),
        ([], 1),
        ([run("t"), run("t")], 1),
        ([run("t", "CRASHED")], 1),
        ([run("t"), run("other", "X")], 0),
    ],
    ids=["one", "none", "two", "crashed", "another push's"],
)
async def test_a_push_has_exactly_one_run_with_an_end(runs: list[Run], broken: int) -> None:
    """Judged once, when its time is over."""
    open_ = judged(Recorded(*runs), "t", age=ANSWERED_WITHIN_S + 1)
    assert len(await open_.due()) == broken
    assert await open_.due() == []


@pytest.mark.parametrize(("killed_after", "broken"), [(1.0, 0), (-1.0, 1), (10.0, 1)])
async def test_a_push_that_died_unstored_with_the_server_is_told_and_not_counted(
    killed_after: float, broken: int
) -> None:
    """Only where the server was killed right after it said yes."""
    at = time.time() - ANSWERED_WITHIN_S - 1
    open_ = Deliveries(Recorded())  # type: ignore[arg-type]
    open_.took([(at, "t")], [at + killed_after])
    assert len(await open_.due()) == broken
    assert open_.unstored == (set() if broken else {"t"})


async def test_a_push_without_a_run_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that died with it is caught up with by reconcile; no round waits for that, the end does."""
    monkeypatch.setattr(deliveries, "LOOK_S", 0.0)
    open_ = judged(Recorded(later=(run("t"),)), "t")
    assert await open_.due() == []
    assert await open_.all() == []
