"""`sluice up`: server, automations, worker, receiver and watcher in one place, each restarted where it fails.

The Prefect server, the worker and the receiver are processes of their own; the watcher shares this one. What a rollout
does to its worker's memory leaves the receiver answering. A part that fails is started again; only a part that can never
work (its port is taken) ends the whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from deployments import runtime
from deployments.apart import apart
from deployments.automations.register import Did
from deployments.logs import log_to_file
from deployments.server.embedded import EmbeddedServer
from deployments.settings import Settings
from deployments.supervision import forever, stop_signal, until
from deployments.worker.identity import only_one
from deployments.workflows import WORKFLOWS, Workflow
from sluice.errors import TerminalError, TransientError

Say = Callable[[str, str], None]
"""Tells a person that a part is ready: the part, and where it is."""


async def up(settings: Settings, say: Say, workflows: tuple[Workflow, ...] = WORKFLOWS) -> None:
    """Run everything until SIGINT or SIGTERM, then hand on the runs and end all of it.

    Raises:
        TerminalError: a part can never work as the settings are.
    """
    way_out = "stop it, or choose another folder with --home"
    with only_one(settings.home, "sluice-up", way_out), stop_signal() as stop, runtime.prefect_for(settings):
        log_to_file(settings.home, "sluice")
        async with AsyncExitStack() as stack:
            await until(stop, _run(settings, say, workflows, stack))


async def _run(settings: Settings, say: Say, workflows: tuple[Workflow, ...], stack: AsyncExitStack) -> None:
    server: EmbeddedServer | None = None
    if settings.embedded:
        server = runtime.server_of(settings)
        await stack.enter_async_context(server)
    say("server", runtime.ui_url(settings))
    changes = await runtime.register_all(settings, workflows=workflows)
    changed = sum(change.did is not Did.UNCHANGED for change in changes)
    say("automations", f"{len(changes)} objects, {changed} changed")
    receiver = f"http://{settings.receiver_host}:{settings.receiver_port}"
    say("log", str(settings.home / "logs"))
    worker = f"{settings.worker_name}, up to {settings.worker_capacity} runs of pool {settings.work_pool}"
    parts = {
        "worker": _part(lambda ready: apart("worker", settings, ready), lambda: say("worker", worker)),
        "receiver": _part(lambda ready: apart("receiver", settings, ready), lambda: say("receiver", receiver)),
        "watcher": _part(lambda ready: runtime.watch(settings, ready), lambda: say("watcher", "Kubernetes")),
    }
    try:
        async with asyncio.TaskGroup() as running:
            if server is not None:
                running.create_task(forever("the Prefect server", lambda: runtime.keep(server), 1.0))
                running.create_task(
                    forever("trimming its log", lambda: asyncio.to_thread(server.trim_log), runtime.TRIM_EVERY)
                )
            for what, part in parts.items():
                running.create_task(forever(f"the {what}", part, 1.0, fatal=(TerminalError,)))
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


def _part(run: Callable[[runtime.Ready], Awaitable[None]], report: runtime.Ready) -> Callable[[], Awaitable[None]]:
    """One start of a part. What can never work ends the whole only before the part has ever worked: later it is the
    world that changed, and hundreds of runs should not leave for that."""
    worked = asyncio.Event()

    def ready() -> None:
        worked.set()
        report()

    async def start() -> None:
        try:
            await run(ready)
        except TerminalError as error:
            if worked.is_set():
                raise TransientError(str(error)) from error
            raise

    return start
