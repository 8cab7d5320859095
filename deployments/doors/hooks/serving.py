"""Keeps the doors of Receivers there while there is a cluster; without one every such address is unknown."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from blocks.kubernetes.beside_flux import GivenToSluice
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.tenants import Tenants
from deployments.doors.hooks.door import hook_route
from deployments.doors.hooks.follow import Hooks
from deployments.doors.proof import Guard
from deployments.settings import Settings


@dataclass(slots=True)
class HookService:
    """The doors of Receivers of this installation.

    Attributes:
        hooks: those of now; None while there is no way to the cluster.
    """

    settings: Settings
    hooks: Hooks | None = None

    def routes(self, guard: Guard) -> list[Route]:
        """The route of all Receivers."""
        return [hook_route(lambda: self.hooks, guard)]

    async def run(self) -> None:
        """Follow Receivers until cancelled.

        Raises:
            TerminalError: there is no way to a cluster; the message says what was tried.
        """
        given = self.settings
        kubeconfig = str(given.kubeconfig) if given.kubeconfig else None
        cluster = await Cluster.connect(kubeconfig, given.context, given.service_account, given.namespaces)
        cluster.given = GivenToSluice(given.flux_selected)
        try:
            self.hooks = Hooks(cluster, tenants=Tenants(own_namespace_only=given.no_cross_namespace_refs))
            await self.hooks.run()
        finally:
            self.hooks = None
            await cluster.close()
