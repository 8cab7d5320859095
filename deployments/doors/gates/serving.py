"""Keeps the way to the cluster for the gate API, for as long as the receiver runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.routing import Route

from blocks.gates.switches import Switches
from blocks.kubernetes.cluster import Cluster
from deployments.doors.gates.door import Doors
from deployments.doors.proof import Guard
from deployments.settings import Settings


@dataclass(slots=True)
class GateService:
    """The gate API of this installation.

    Attributes:
        switches: those of now; None while there is no way to the cluster.
    """

    settings: Settings
    switches: Switches | None = None

    def routes(self, guard: Guard) -> list[Route]:
        """Its routes; none without a token."""
        token = self.settings.gate_token
        return Doors(lambda: self.switches, token, guard.room).routes() if token else []

    async def run(self) -> None:
        """Keep the connection until cancelled.

        Raises:
            TerminalError: there is no way to a cluster; the message says what was tried.
        """
        given = self.settings
        kubeconfig = str(given.kubeconfig) if given.kubeconfig else None
        cluster = await Cluster.connect(kubeconfig, given.context, given.service_account, given.namespaces)
        try:
            self.switches = Switches(cluster, given.leases_in)
            await asyncio.Event().wait()
        finally:
            self.switches = None
            await cluster.close()
