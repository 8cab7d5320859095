"""That a work queue and its deployments are ready, written as often as somebody could notice.

Each time a worker looks for due runs, Prefect's server writes onto all queues and deployments that they were asked for,
by two jobs of its own. They count as not ready after a minute without; so what was written a moment ago is not written
again. A queue that is not ready becomes so at once, as before.

`tests/deployments/server/test_readiness.py` fails when one of these parts changes.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from docket import Docket
from prefect.server.models.deployments import mark_deployments_ready
from prefect.server.models.work_queues import mark_work_queues_ready

EVERY = 10.0
"""Seconds for which it need not be written again, a sixth of those after which it is missed. A deployment that is made in
between shows as ready by then."""
WRITERS = (mark_work_queues_ready, mark_deployments_ready)


def write_readiness_now_and_then() -> None:
    """Put it in place. Once, before the server answers."""
    add: Any = Docket.add
    written: dict[str, tuple[str, float]] = {}

    def sparing(self: Docket, function: Any, *args: Any, **options: Any) -> Any:
        schedule = add(self, function, *args, **options)
        if function not in WRITERS:
            return schedule

        async def where_due(**about: Any) -> Any:
            job, whom, now = str(options.get("key")), repr(about), monotonic()
            before, when = written.get(job, ("", 0.0))
            if before == whom and now - when < EVERY and not about.get("ready_work_queue_ids"):
                return None
            done = await schedule(**about)
            written[job] = (whom, now)
            return done

        return where_due

    vars_of: Any = Docket
    vars_of.add = sparing
