"""The flow runs that are due, as a worker finds them: by queue, and as many as it needs to choose fairly."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse
from prefect.exceptions import ObjectNotFound

from deployments.workflows import Queue

PAGE = 200
"""Flow runs that Prefect answers at once, at most."""
MOST = 5000
"""Waiting runs that are looked at to find whose turn it is. Beyond that the oldest count."""


class Intake:
    """What waits in a work pool."""

    def __init__(self, client: PrefectClient, work_pool: str) -> None:
        """
        Args:
            client: an open client.
            work_pool: its name.
        """
        self._client = client
        self._pool = work_pool
        self._names: dict[Queue, list[str]] = {queue: [] for queue in Queue}
        self.more = True
        """Whether the last look left something for the next run that ends: what there was no room for, or a run that is due
        again although it is carried still. Where it did not, the end of a run is no reason to look."""

    async def learn_queues(self) -> None:
        """See which queues the pool has. One that is none of ours holds short flows."""
        names = [queue.name for queue in await self._client.read_work_queues(work_pool_name=self._pool)]
        self._names = {
            Queue.ROLLOUTS: [name for name in names if name == Queue.ROLLOUTS],
            Queue.SHORT: [name for name in names if name != Queue.ROLLOUTS],
        }

    async def due(self, room: Mapping[Queue, int], carried: Collection[Any]) -> dict[Queue, list[FlowRun]]:
        """The runs that are due in the queues that there is room for, without those carried already.

        Where all of a page can be taken, nobody has to wait, and the rest is for the next look.
        """
        wanted = {queue: free for queue, free in room.items() if free > 0 and self._names[queue]}
        found = await self._together(list(wanted)) if len(wanted) > 1 else None
        if found is None:
            found = {queue: await self._waiting(self._names[queue], free) for queue, free in wanted.items()}
        self.more = len(wanted) < len(room) or any(
            len(runs) >= room[queue] or any(run.id in carried for run in runs) for queue, runs in found.items()
        )
        return {queue: [run for run in runs if run.id not in carried] for queue, runs in found.items()}

    async def _together(self, queues: Sequence[Queue]) -> dict[Queue, list[FlowRun]] | None:
        """What is due in several queues, by one question. None where more is due than one answer holds: then a full queue
        would hide what waits in another."""
        of = {name: queue for queue in queues for name in self._names[queue]}
        page = await self._page(list(of), None)
        if len(page) >= PAGE:
            return None
        found: dict[Queue, list[FlowRun]] = {queue: [] for queue in queues}
        for run in page:
            found[of.get(run.work_queue_name or "", Queue.SHORT)].append(run)
        return found

    async def _waiting(self, names: list[str], free: int) -> list[FlowRun]:
        found: dict[Any, FlowRun] = {}
        after: datetime | None = None
        while len(found) < MOST:
            page = await self._page(names, after)
            new = {run.id: run for run in page if run.id not in found}
            found |= new
            if len(page) < PAGE or not new or len(found) <= free:
                break
            after = page[-1].next_scheduled_start_time
        return list(found.values())

    async def _page(self, names: list[str], after: datetime | None) -> list[FlowRun]:
        asked: dict[str, Any] = {"work_queue_names": names, "scheduled_before": str(datetime.now(UTC)), "limit": PAGE}
        if after is not None:
            asked["scheduled_after"] = str(after)
        path = {"name": self._pool}
        try:
            answer = await self._client.request(
                "POST", "/work_pools/{name}/get_scheduled_flow_runs", path_params=path, json=asked
            )
        except ObjectNotFound:  # somebody deleted a queue; the next heartbeat sees it
            return []
        answer.raise_for_status()
        entries = WorkerFlowRunResponse.model_validate_list(answer.json())
        return sorted((entry.flow_run for entry in entries), key=_due_since)


def _due_since(run: FlowRun) -> datetime:
    return run.next_scheduled_start_time or datetime.min.replace(tzinfo=UTC)
