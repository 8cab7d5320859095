"""Commands that freeze releases and thaw them. They need the cluster alone: Prefect may be away."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from deployments.commands.terminal import Home, app, out, settings_with
from deployments.settings import Settings
from deployments.wiring import cluster_of
from sluice.durations import seconds
from sluice.errors import InvalidError
from tasks.people.asking.freezing import freeze, thaw

Reason = Annotated[str, Parameter(help="Why, for everybody whose release stops.")]


@app.command(name="freeze")
def freeze_command(
    namespace: str = "", *, reason: Reason, everything: bool = False, lasts: str = "", home: Home = None
) -> None:
    """Freeze releases: none goes forward, those under way stay where they are and are judged on, and what is bad goes home.

    Parameters
    ----------
    namespace:
        Whose releases.
    everything:
        The releases of all namespaces; for who may make a Freeze in sluice's own namespace.
    lasts:
        For how long, such as 2h; until `sluice unfreeze` where nothing is said.
    """
    if bool(namespace) is everything:
        raise InvalidError("name a namespace, or say --everything")
    out.print(escape(asyncio.run(_frozen(settings_with(home), namespace, reason, lasts))), soft_wrap=True)


@app.command(name="unfreeze")
def unfreeze_command(namespace: str = "", *, everything: bool = False, home: Home = None) -> None:
    """Take away what `sluice freeze` made for a namespace, or for everything. A Freeze that git or a calendar has stays.

    Parameters
    ----------
    namespace:
        Whose releases go on.
    everything:
        What was frozen by `--everything`.
    """
    if bool(namespace) is everything:
        raise InvalidError("name a namespace, or say --everything")
    out.print(escape(asyncio.run(_thawed(settings_with(home), namespace))), soft_wrap=True)


async def _frozen(settings: Settings, namespace: str, reason: str, lasts: str) -> str:
    try:
        time = seconds(lasts) if lasts else 0.0
    except ValueError as error:
        raise InvalidError(f"--lasts: {error}") from error
    async with cluster_of(settings) as cluster:
        by, _ = await cluster.whoami()
        return await freeze(cluster, settings.leases_in, namespace, by, reason, through="cli", lasts=time)


async def _thawed(settings: Settings, namespace: str) -> str:
    async with cluster_of(settings) as cluster:
        by, _ = await cluster.whoami()
        return await thaw(cluster, settings.leases_in, namespace, by, through="cli")
