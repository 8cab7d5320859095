"""Asks for a reconciliation when something may have been missed: a worker starts, or Prefect's API is back."""

from __future__ import annotations

import time
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.exceptions import ObjectNotFound

from deployments.supervision import forever

EVERY = 5.0
"""Seconds between two looks whether the API is there."""
LOOK_BACK = 24 * 3600.0
"""Seconds of accepted events that are looked through after an absence; the minutely reconciliation looks at minutes."""
TOGETHER = 30
"""Workers that ask within so many seconds get one reconciliation."""


async def catch_up(deployment: str = "reconcile/reconcile") -> None:
    """Ask for a reconciliation now, and again whenever the API was away; until cancelled."""
    async with get_client() as client:
        watch = _Watch(client, deployment)
        await forever("asking for a reconciliation", watch.look, EVERY)


class _Watch:
    def __init__(self, client: PrefectClient, deployment: str) -> None:
        self._client = client
        self._deployment = deployment
        self._wanted = True

    async def look(self) -> None:
        if (error := await self._client.api_healthcheck()) is not None:
            self._wanted = True
            raise error
        if self._wanted:
            await self._ask()
            self._wanted = False

    async def _ask(self) -> Any:
        try:
            found = await self._client.read_deployment_by_name(self._deployment)
        except ObjectNotFound:
            return None  # nothing is registered yet
        return await self._client.create_flow_run_from_deployment(
            found.id,
            parameters={"look_back_s": LOOK_BACK},
            idempotency_key=f"catch up {int(time.time() // TOGETHER)}",
        )
