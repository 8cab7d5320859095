"""How the server's automations fire: private parts of Prefect's server, for one version.

An automation that starts a run for each single event has nothing to count. Prefect counts all the same: for each event it
writes a row of the count, reads it, adds one to it, reads it again and deletes it.

`tests/deployments/server/test_firing.py` fails when one of these parts changes.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from prefect.server.events import triggers
from prefect.server.events.schemas.automations import Automation, EventTrigger


def fire_without_counting() -> None:
    """Put it in place. Once, before the server's services start."""
    names: Any = vars(triggers)
    ensure, increment, remove = (names[name] for name in ("ensure_bucket", "increment_bucket", "remove_bucket"))

    async def ensure_bucket(session: Any, trigger: EventTrigger, bucketing_key: Any, **given: Any) -> Any:
        if not counts_nothing(trigger):
            return await ensure(session, trigger, bucketing_key=bucketing_key, **given)
        return _Bucket(bucketing_key=bucketing_key, start=given["start"], end=given["end"])

    async def increment_bucket(session: Any, bucket: Any, count: int, last_event: Any) -> Any:
        if not isinstance(bucket, _Bucket):
            return await increment(session, bucket, count, last_event)
        bucket.count += count
        return bucket

    async def remove_bucket(session: Any, bucket: Any) -> Any:
        return None if isinstance(bucket, _Bucket) else await remove(session, bucket)

    names |= {"ensure_bucket": ensure_bucket, "increment_bucket": increment_bucket, "remove_bucket": remove_bucket}


def counts_nothing(trigger: EventTrigger) -> bool:
    """Whether a trigger fires for each event by itself: then its count is nought before the event, and gone after it."""
    alone = isinstance(trigger.parent, Automation) and not trigger.after
    return alone and trigger.immediate and trigger.threshold <= 1


class _Bucket(SimpleNamespace):
    """The count of one event, in memory; what Prefect logs and reads of a row of it is there."""

    def __init__(self, **given: Any) -> None:
        super().__init__(count=0, last_event=None, last_operation=None, **given)
