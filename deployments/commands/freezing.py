"""Commands that freeze releases and thaw them. They need the cluster alone: Prefect may be away."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import Parameter
from rich.markup import escape

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import FREEZE
from deployments.commands.terminal import Home, app, out, settings_with
from deployments.settings import Settings
from deployments.wiring import cluster_of
from sluice.durations import in_words, seconds
from sluice.errors import InvalidError
from sluice.manifests.own.freeze import Freeze

Reason = Annotated[str, Parameter(help="Why, for everybody whose release stops.")]
BY_COMMAND = "sluice.dev/by-command"
"""Label, `true`, of what these commands have made: `sluice unfreeze` ends nothing else."""


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
    async with cluster_of(settings) as cluster:
        by, _ = await cluster.whoami()
        made = freeze_of(namespace, settings.leases_in, by, reason, _end(lasts))
        await cluster.create(made)
    until = f" for {in_words(seconds(lasts))}" if lasts else ", until somebody says unfreeze"
    return f"{namespace or 'everything'} is frozen{until}: {reason} ({Freeze.parse(made)})"


async def _thawed(settings: Settings, namespace: str) -> str:
    async with cluster_of(settings) as cluster:
        gone = await thaw(cluster, namespace or settings.leases_in)
    if not gone:
        return f"nothing to take away: no freeze of {namespace or 'everything'} was made by a command"
    return f"{namespace or 'everything'} goes on: {', '.join(gone)} taken away"


def freeze_of(namespace: str, home: str, by: str, reason: str, until: str = "") -> dict[str, Any]:
    """The Freeze that a command makes: of one namespace in it, of everything in sluice's own."""
    spec = {"reason": reason, "by": by, **({"until": until} if until else {})}
    made: dict[str, Any] = {
        "apiVersion": Freeze.api_version,
        "kind": Freeze.kind,
        "metadata": {
            "name": f"by-command-{uuid4().hex[:8]}",
            "namespace": namespace or home,
            "labels": {BY_COMMAND: "true"},
        },
        "spec": spec if namespace else {**spec, "namespaces": ["*"]},
    }
    Freeze.parse(made)
    return made


async def thaw(cluster: Cluster, namespace: str) -> list[str]:
    """Take away what commands have made in a namespace; the names."""
    gone = []
    for item in await cluster.list(FREEZE, namespace, f"{BY_COMMAND}=true"):
        await cluster.delete(FREEZE, item["metadata"]["name"], namespace)
        gone.append(item["metadata"]["name"])
    return gone


def _end(lasts: str) -> str:
    if not lasts:
        return ""
    try:
        return (datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=seconds(lasts))).isoformat(
            timespec="seconds"
        )
    except ValueError as error:
        raise InvalidError(f"--lasts: {error}") from error
