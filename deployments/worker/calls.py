"""Prefect's client as the engine of one flow run sees it: what is said of a run before its code starts goes in one call.

Prefect's engine writes the flow's version, then the run's name, and reads the run again once it is running; the worker
writes who carries it. Each is a call, and a call costs the server as much as five rows. Here they wait for the state that
lets the code begin, and what the engine reads is what it has already.
"""

from __future__ import annotations

from typing import Any, Self
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun


class RunClient(PrefectClient):
    """A client that shares its connections with another one."""

    run: FlowRun
    late: dict[str, Any]

    @classmethod
    def of(cls, client: PrefectClient, run: FlowRun, **late: Any) -> Self:
        """The client for a run's engine.

        Args:
            client: an open one, which is not closed by this one.
            run: as the engine keeps it up to date.
            late: what is to be written of the run before its code starts.
        """
        it = cls.__new__(cls)
        vars(it).update(vars(client) | {"run": run, "late": late})
        return it

    async def read_flow_run(self, flow_run_id: UUID) -> FlowRun:
        """The run of this engine is known; another one is asked for."""
        return self.run if flow_run_id == self.run.id else await super().read_flow_run(flow_run_id)

    async def set_flow_run_name(self, flow_run_id: UUID, name: str) -> Any:
        """As any other thing that is said of the run."""
        return await self.update_flow_run(flow_run_id, name=name)

    async def update_flow_run(self, flow_run_id: UUID, *args: Any, **said: Any) -> Any:
        """Keep it until `flush`."""
        if flow_run_id != self.run.id or args:
            return await super().update_flow_run(flow_run_id, *args, **said)
        self.late |= said
        return None

    async def flush(self) -> None:
        """Write what waits, in one call. What could not be written waits on."""
        if self.late:
            await super().update_flow_run(self.run.id, **self.late)
            self.late = {}
