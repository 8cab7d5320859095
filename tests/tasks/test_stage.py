"""Where sluice's errors meet Prefect's retries."""

from __future__ import annotations

import asyncio

import pytest
from prefect import flow

from sluice.errors import ConflictError, InvalidError, StaleError, TransientError
from tasks import stage as block
from tasks.stage import RETRY_DELAYS, stage

pytestmark = pytest.mark.usefixtures("prefect_engine")


def tried(*errors: Exception, delays: list[float] | None = None) -> tuple[int, object]:
    """How often a stage was run that fails with these errors in turn, and what came of it."""
    calls, left = 0, list(errors)

    @stage("trial", delays=[0.001] * 4 if delays is None else delays)
    async def trial(word: str) -> str:
        nonlocal calls
        calls += 1
        if left:
            raise left.pop(0)
        return word

    @flow(name="trials", persist_result=False)
    async def trials() -> str:
        return await trial("done")

    try:
        came: object = asyncio.run(trials())
    except Exception as error:
        came = error
    return calls, came


def test_a_stage_that_works_runs_once() -> None:
    """Its arguments and its result go through as they are."""
    assert tried() == (1, "done")


@pytest.mark.parametrize("error", [TransientError("away"), ConflictError("moved on")], ids=["transient", "conflict"])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    """The engine retries, so that a person sees it in the UI."""
    assert tried(error, error) == (3, "done")


def test_what_does_not_pass_is_raised_after_the_last_try() -> None:
    """The error that comes out is the stage's own."""
    calls, error = tried(*[TransientError("away")] * 9)
    assert (calls, str(error)) == (5, "away")
    assert isinstance(error, TransientError)


@pytest.mark.parametrize(
    "error",
    [InvalidError("no"), StaleError("another revision"), ValueError("a mistake")],
    ids=lambda e: type(e).__name__,
)
def test_what_cannot_be_helped_is_not_tried_again(error: Exception) -> None:
    """Bad input, another revision, and our own mistakes are told at once."""
    calls, raised = tried(error)
    assert (calls, raised) == (1, error)


def test_a_wait_that_was_asked_for_is_kept_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry-After is honoured, but nobody can stop a release by asking for an hour."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(block.asyncio, "sleep", sleep)
    for asked in (7.0, 3600.0, None):

        @stage("trial")
        async def trial(asked: float | None) -> None:
            raise TransientError("wait", retry_after=asked)

        with pytest.raises(TransientError):
            asyncio.run(trial.fn(asked))
    assert waits == [7.0, block.LONGEST_ASKED_WAIT]


def test_tries_come_further_and_further_apart_with_some_chance() -> None:
    """Backoff with jitter: many rollouts that fail at once do not come back at once."""

    @stage("trial")
    async def trial() -> None: ...

    assert trial.retry_delay_seconds == RETRY_DELAYS == sorted(RETRY_DELAYS)
    assert trial.retries == len(RETRY_DELAYS)
    assert trial.retry_jitter_factor == 0.5
