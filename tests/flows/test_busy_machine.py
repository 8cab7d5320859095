"""Stories that start together on a machine that is busy: the tests' own Prefect keeps them waiting, and refuses none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prefect import flow, task

pytestmark = pytest.mark.server
TOGETHER, STAGES = 20, 5


@pytest.fixture
def busy() -> Iterator[None]:
    """Two other builds, on a machine of two cores."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for loop in loops:
        loop.kill()
        loop.wait()


@task
async def stage(number: int) -> int:
    """As short as a stage of a rollout."""
    return number


@flow
async def story(number: int) -> int:
    """A rollout's worth of task runs."""
    return sum([await stage(number) for _ in range(STAGES)])


async def test_stories_that_start_together_on_a_busy_machine_all_start(prefect_engine: str, busy: None) -> None:
    """SQLite takes one writer at a time: they queue up, and each of them gets every answer."""
    ends = await asyncio.gather(*(story(number) for number in range(TOGETHER)))
    assert ends == [STAGES * number for number in range(TOGETHER)]
