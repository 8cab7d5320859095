"""Forget idle runs: delete the looks of reconcile that found nothing, which are all but a few and nobody reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from blocks.prefect.idle_runs import forget_runs
from tasks.stage import stage
from tasks.upkeep.pace import Pace

IDLE = "Nothing to do"
"""Name of the state in which a look ends that found nothing."""
EVERY = 600.0
"""Seconds between two rounds: a stage of its own each minute would make more rows than it deletes."""
KEPT = timedelta(hours=1)
"""How long a person can see that reconcile looks."""
MOST = 500
"""Runs of one round: an installation that comes from an older sluice has many, and other work has to go on."""
pace = Pace()


def idle_runs_are_due() -> bool:
    """Whether it is time for a round in this process."""
    return pace.due(IDLE, EVERY)


@stage("forget idle runs")
async def forget_idle_runs() -> int:
    """Delete those that ended an hour ago and earlier; returns how many."""
    return await forget_runs(IDLE, datetime.now(UTC) - KEPT, MOST)
