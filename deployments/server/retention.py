"""How long Prefect's server keeps what happened: its own clearing service, set so that months of running stay one size.

Out of the box it clears nothing but events. What is due is looked for every hour, by age alone, and deleted in small
batches, so that releases go on meanwhile.
"""

from __future__ import annotations

import json
from datetime import timedelta

RUN_EVENTS_KEPT = timedelta(days=1)
"""What Prefect notes of each step of each run. The runs themselves stay; these only draw dots on their pages, and are most
of the rows."""
BATCH = 200
"""Rows of one transaction."""
_STATES = ("Scheduled", "Pending", "Running", "Completed", "Failed", "Crashed", "Cancelling", "Cancelled", "Late")
_TASK_STATES = (*_STATES, "AwaitingRetry", "Retrying")
_RUN_STATES = (*_STATES, "AwaitingRetry", "Nothing to do", "Unchanged", "Ignored")


def retention(days: int) -> dict[str, str]:
    """The settings of a server that keeps runs, their logs and artifacts, and sluice's events for so many days."""
    brief = [f"prefect.task-run.{state}" for state in _TASK_STATES]
    brief += [f"prefect.flow-run.{state}" for state in (*_RUN_STATES, "heartbeat")]
    return {
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(int(timedelta(days=days).total_seconds())),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE": str(BATCH),
        "PREFECT_SERVER_SERVICES_DB_VACUUM_EVENT_RETENTION_OVERRIDES": json.dumps(
            {name: RUN_EVENTS_KEPT.total_seconds() for name in brief}
        ),
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": f"P{days}D",
    }
