"""The flows that runs name by their deployment, each loaded once per process."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.flows import load_flow_from_entrypoint

from sluice.errors import TerminalError


class Flows:
    """What was loaded already."""

    def __init__(self) -> None:
        self._loaded: dict[UUID, Flow[Any, Any]] = {}

    async def of(self, client: PrefectClient, flow_run: FlowRun) -> Flow[Any, Any]:
        """The flow that a run's deployment names.

        Raises:
            TerminalError: the deployment is none of ours.
        """
        key = flow_run.deployment_id
        if key is None:
            raise TerminalError("the run has no deployment: start it from a deployment of `sluice register`")
        if key not in self._loaded:
            entrypoint = (await client.read_deployment(key)).entrypoint
            if not entrypoint or ":" in entrypoint:
                raise TerminalError(f"entry point {entrypoint!r} is no module: use `sluice register`")
            flow: Flow[Any, Any] = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)
            if not flow.isasync or flow.isgenerator:
                raise TerminalError(f"{entrypoint} must be an async flow: this worker has one event loop")
            self._loaded[key] = flow
        return self._loaded[key]
