"""Find events that Prefect took and that started nothing, and start what they should have started.

Prefect keeps what it has still to do with an event in memory: a server that is killed right after it said yes has the event
and starts no run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.prefect.runs import answer, unanswered
from tasks.stage import stage

PREFIX = "sluice."
TIME_TO_ANSWER = timedelta(seconds=90)
"""How long an event may wait for its automation: a burst of hundreds takes its time on SQLite."""


@stage("find unanswered events")
async def find_unanswered(look_back_s: float) -> list[str]:
    """Start the missing runs of the last `look_back_s` seconds; returns the names of those runs."""
    until = datetime.now(UTC) - TIME_TO_ANSWER
    since = until - timedelta(seconds=look_back_s)
    return [run.name for run in await answer(await unanswered(PREFIX, since, until))]
