"""Flow runs that found nothing to do, deleted: a look a minute is half a million of them a year."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import httpx
from prefect.client.orchestration import get_client

from sluice.errors import TransientError

PAGE = 50
"""Flow runs that Prefect deletes in one call, at most."""
TAG = "sluice"
"""On every run that sluice starts: what others run in the same Prefect is theirs to keep."""


async def forget_runs(state: str, before: datetime, most: int) -> int:
    """Delete sluice's runs that ended in a state of that name before a moment, `most` at most; how many they were.

    Raises:
        TransientError: Prefect does not answer, or refuses.
    """
    wanted = {
        "tags": {"all_": [TAG]},
        "state": {"name": {"any_": [state]}},
        "end_time": {"before_": before.isoformat()},
    }
    deleted = 0
    try:
        async with get_client() as client:
            while deleted < most:
                limit = min(PAGE, most - deleted)
                asked = {"flow_runs": wanted, "limit": limit}
                # Prefect's client has no name for it.
                answer = await client.request("POST", cast(Any, "/flow_runs/bulk_delete"), json=asked)
                answer.raise_for_status()
                page = len(answer.json()["deleted"])
                deleted += page
                if page < limit:
                    break
    except httpx.HTTPError as error:
        raise TransientError(f"Prefect did not delete old runs: {error!r}") from error
    return deleted
