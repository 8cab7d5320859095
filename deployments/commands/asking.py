"""Commands that show where releases stand, and that ask something of one. They need the cluster alone, and no Prefect."""

from __future__ import annotations

import asyncio
from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from blocks.kubernetes.follow import follow
from blocks.kubernetes.kinds import CANARY
from deployments.commands.terminal import Home, app, out, settings_with, table
from deployments.settings import Settings
from deployments.tools import standing
from deployments.wiring import cluster_of
from sluice.gates.asking import Request
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act
from tasks.people.asking.ask import ask

Reason = Annotated[str, Parameter(help="Why, for who reads the trail.")]
GateName = Annotated[
    str, Parameter(help="Which Gate, as its name or NAMESPACE/NAME; not needed where there is only one.")
]


@app.command(name="status")
def status_command(service: str = "", *, home: Home = None) -> None:
    """Show where releases stand, and what each waits for.

    Parameters
    ----------
    service:
        One Canary, NAME.NAMESPACE; without it all that are looked after.
    """
    asyncio.run(_status(settings_with(home), service))


@app.command(name="watch")
def watch_command(service: str, *, home: Home = None) -> None:
    """Follow one release: a line at each change, until it is over.

    Parameters
    ----------
    service:
        The Canary, NAME.NAMESPACE.
    """
    asyncio.run(_watch(settings_with(home), service))


@app.command(name="gates")
def gates_command(service: str = "", *, home: Home = None) -> None:
    """Show the Gates, which releases wait at them, and what they say.

    Parameters
    ----------
    service:
        One Canary, NAME.NAMESPACE; without it all that are looked after.
    """
    asyncio.run(_gates(settings_with(home), service))


@app.command(name="approve")
def approve_command(service: str, *, gate: GateName = "", reason: Reason = "", home: Home = None) -> None:
    """Approve the release under way of SERVICE (NAME.NAMESPACE) at a Gate that asks for it."""
    _ask(Act.APPROVE, service, reason, home, gate)


@app.command(name="reject")
def reject_command(service: str, *, reason: Reason, gate: GateName = "", home: Home = None) -> None:
    """Reject the release under way of SERVICE at a Gate that asks for approval: it goes home."""
    _ask(Act.REJECT, service, reason, home, gate)


@app.command(name="override")
def override_command(service: str, *, reason: Reason, gate: GateName = "*", home: Home = None) -> None:
    """Let a Gate, a window or a freeze be for the release under way of SERVICE: all of them where no Gate is named."""
    _ask(Act.OVERRIDE, service, reason, home, gate)


@app.command(name="abort")
def abort_command(service: str, *, reason: Reason, home: Home = None) -> None:
    """Take the release under way of SERVICE home. Its revision is tried again by `sluice retry` alone."""
    _ask(Act.ABORT, service, reason, home)


@app.command(name="promote")
def promote_command(service: str, *, reason: Reason, home: Home = None) -> None:
    """Promote the release under way of SERVICE without the steps and Gates that are left; not out of a freeze."""
    _ask(Act.PROMOTE, service, reason, home)


@app.command(name="retry")
def retry_command(service: str, *, reason: Reason = "", home: Home = None) -> None:
    """Try the revision of SERVICE once more that was rolled back."""
    _ask(Act.RETRY, service, reason, home)


@app.command(name="pause")
def pause_command(service: str, *, reason: Reason = "", home: Home = None) -> None:
    """Hold the release under way of SERVICE where it is. It is judged all the same, and goes home on bad news."""
    _ask(Act.PAUSE, service, reason, home)


@app.command(name="resume")
def resume_command(service: str, *, reason: Reason = "", home: Home = None) -> None:
    """Let a release go on that was paused by `sluice pause` or in chat."""
    _ask(Act.RESUME, service, reason, home)


def _ask(act: Act, service: str, reason: str, home: Home, gate: str = "") -> None:
    out.print(escape(asyncio.run(_asked(settings_with(home), act, service, reason, gate))), soft_wrap=True)


async def _asked(settings: Settings, act: Act, service: str, reason: str, gate: str) -> str:
    namespace, name = standing.named(service)
    async with cluster_of(settings) as cluster:
        by, groups = await cluster.whoami()
        request = Request(act, by, groups, through="cli", reason=reason, gate=gate)
        return await ask(cluster, settings.leases_in, namespace, name, request)


async def _status(settings: Settings, service: str) -> None:
    async with cluster_of(settings) as cluster:
        table(standing.HEAD, standing.standing(await standing.canaries(cluster, service)))


async def _gates(settings: Settings, service: str) -> None:
    async with cluster_of(settings) as cluster:
        table(standing.GATES_HEAD, await standing.waited_for(cluster, await standing.canaries(cluster, service)))


async def _watch(settings: Settings, service: str) -> None:
    namespace, name = standing.named(service)
    async with cluster_of(settings) as cluster:
        await standing.canaries(cluster, service)  # one that does not exist would be followed in silence
        over, last = asyncio.Event(), ""

        def take(change: object) -> None:
            nonlocal last
            for item in getattr(change, "objects", ()):
                if item["metadata"]["name"] == name:
                    canary = Canary.parse(item)
                    (line,) = standing.standing([canary])
                    said = "  ".join(cell for cell in line if cell)
                    if said != last:
                        out.print(escape(said), soft_wrap=True)
                        last = said
                    if getattr(change, "gone", False) or not (canary.status.phase and canary.status.phase.in_progress):
                        over.set()

        following = asyncio.create_task(follow(cluster, CANARY, take, namespace))
        await over.wait()
        following.cancel()
