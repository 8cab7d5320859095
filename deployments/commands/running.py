"""Commands that run an installation, whole or in parts, and give Prefect what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from rich.markup import escape

from deployments import runtime, up
from deployments.automations.register import Change, Did
from deployments.commands.terminal import Home, app, leave, out, settings_with
from deployments.doors.serving import receive
from deployments.home import check_home
from deployments.logs import plain_where_nobody_watches
from deployments.server.garbage import search_seldom
from deployments.settings import Settings
from deployments.supervision import forever, stop_signal, until
from deployments.tools.alive import SignOfLife
from sluice.errors import TerminalError

SIGNS = {Did.CREATED: "[green]+[/]", Did.UPDATED: "[yellow]~[/]", Did.UNCHANGED: " "}


def ready(part: str, where: str) -> None:
    """One line for a part that is ready."""
    out.print(f"[bold]{part:<12}[/] {escape(where)}", soft_wrap=True)


@app.command(name="up")
def up_command(*, home: Home = None) -> None:
    """Run everything in one place: Prefect server, automations, worker, receiver, watcher. Ctrl-C ends it."""
    settings = settings_with(home)
    check_home(settings.home)
    asyncio.run(up.up(settings, ready))
    leave(0)


@app.command(name="register")
def register_command(*, dry_run: bool = False, home: Home = None) -> None:
    """Create or update work pool, deployments and automations in Prefect. Doing it twice changes nothing.

    Parameters
    ----------
    dry_run:
        Only show what would change.
    """
    settings = settings_with(home)

    async def run() -> list[Change]:
        with runtime.prefect_for(settings):
            return await runtime.register_all(settings, dry_run=dry_run)

    for change in asyncio.run(run()):
        did = f"would be {change.did}" if dry_run and change.did is not Did.UNCHANGED else str(change.did)
        out.print(f"{SIGNS[change.did]} {change.kind} [bold]{escape(change.name)}[/]: {did}", soft_wrap=True)
        for name, (there, wanted) in change.fields.items() if dry_run or change.did is Did.UPDATED else ():
            if there is not None:
                out.print(f"    [red]- {name}: {escape(repr(there))}[/]", soft_wrap=True)
            out.print(f"    [green]+ {name}: {escape(repr(wanted))}[/]", soft_wrap=True)


@app.command
def server(*, home: Home = None) -> None:
    """Run the Prefect server (API and UI), with sluice's deployments and automations in it."""
    _run_part(runtime.serve, settings_with(home), runtime.ui_url)


@app.command
def worker(*, home: Home = None) -> None:
    """Run one worker. Several of them, with different names, share the work."""
    _run_part(runtime.work, settings_with(home), lambda s: f"{s.worker_name}, pool {s.work_pool} at {s.api_url}")


@app.command
def receiver(*, home: Home = None) -> None:
    """Run the receiver of webhooks. It needs Prefect only: no cluster, no worker next to it."""
    _run_part(receive, settings_with(home), lambda s: f"http://{s.receiver_host}:{s.receiver_port}")


@app.command
def watcher(*, home: Home = None) -> None:
    """Run the watcher of Kubernetes objects."""
    _run_part(runtime.watch, settings_with(home), lambda s: f"{s.context or 'current context'} → {s.api_url}")


Part = Callable[[Settings, runtime.Ready], Coroutine[Any, Any, None]]


def _run_part(part: Part, settings: Settings, where: Callable[[Settings], str]) -> None:
    check_home(settings.home)

    async def run() -> None:
        sign = SignOfLife(settings.home)

        def works() -> None:
            sign.ready()
            search_seldom()
            ready(part.__name__, where(settings))

        async def attempt() -> None:
            sign.starting()
            await part(settings, works)

        # Prefect or the API server may come later, and go for a while: that ends no part.
        with stop_signal() as stop, runtime.prefect_for(settings), sign:
            plain_where_nobody_watches()
            await until(stop, forever(f"the {part.__name__}", attempt, 1.0, fatal=(TerminalError,)))

    asyncio.run(run())
    leave(0)
