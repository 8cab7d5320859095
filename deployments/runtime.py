"""The parts of an installation, each as one coroutine that runs until it is cancelled.

`deployments.cli` starts one of them, `deployments.up` all of them in one process.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler

import httpx
import uvicorn
from prefect.settings.context import get_current_settings

from deployments import wiring
from deployments.automations.register import RESULTS, Change, register
from deployments.doors.receiver import application
from deployments.doors.secrets import secrets_of
from deployments.doors.senders import all_senders
from deployments.settings import Settings
from deployments.watchers import targets as watcher
from deployments.watchers.catching_up import catch_up
from deployments.worker import engine
from deployments.worker.dead_workers import DeadWorkers
from deployments.worker.identity import only_one
from deployments.worker.worker import SluiceWorker
from deployments.workflows import WORKFLOWS, Workflow
from sluice.errors import TerminalError, TransientError

DRAIN_WITHIN = 2.0
"""Seconds for logs and events that a stopping worker has not sent yet."""
WATCHER_CALL = 10.0
"""Seconds for one of the watcher's calls to Prefect: nobody waits for it, and a batch takes a busy server a while."""

Ready = Callable[[], None]
"""Called once, when a part does its work."""


@contextmanager
def prefect_for(settings: Settings) -> Iterator[None]:
    """Prefect's settings in this process while inside the block."""
    engine.check_version()
    home = settings.home.resolve()
    updates = {
        "api.url": settings.api_url,
        "api.auth_string": settings.prefect_auth,
        "home": home / "prefect",
        "results.persist_by_default": False,
        "results.default_storage_block": f"local-file-system/{RESULTS}",
        "server.ephemeral.enabled": False,
        "telemetry.enable_resource_metrics": False,
    }
    if settings.embedded:
        updates["api.key"] = None
    with engine.prefect_settings(updates):
        yield


def log_to_file(settings: Settings) -> None:
    """Send the log of this process to `home/logs/sluice.log`. The terminal is for what people have to act upon:
    Prefect logs each cancelled run as an error."""
    folder = settings.home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    file = RotatingFileHandler(folder / "sluice.log", maxBytes=10 * 1024 * 1024, backupCount=3)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setLevel(logging.CRITICAL)
    root.addHandler(file)
    logging.getLogger("sluice").setLevel(logging.INFO)


async def register_all(
    settings: Settings, *, dry_run: bool = False, workflows: tuple[Workflow, ...] = WORKFLOWS
) -> list[Change]:
    """Bring Prefect in line with the plan; call inside `prefect_for`.

    Raises:
        TransientError: Prefect does not answer.
        TerminalError: Prefect refuses, or a flow cannot be imported.
    """
    storage = settings.home.resolve() / "results"
    try:
        return await register(settings.work_pool, str(storage), workflows, dry_run=dry_run)
    except httpx.HTTPError as error:
        if engine.is_away(error):
            way_out = "start it with `sluice up`, or name another with SLUICE_PREFECT_API_URL"
            raise TransientError(f"Prefect at {settings.api_url} does not answer ({error!r}): {way_out}") from error
        raise TerminalError(f"Prefect at {settings.api_url} refuses: {error}") from error


async def work(settings: Settings, ready: Ready) -> None:
    """The worker, with its connections; call inside `prefect_for`.

    Raises:
        TerminalError: a worker of this name runs on this machine already.
    """
    way_out = "give this one another name with SLUICE_WORKER_NAME"
    with only_one(settings.home, f"worker-{settings.worker_name}", way_out):
        async with wiring.connected(settings) as wired:
            dead = DeadWorkers(wired, settings.leases_in)
            worker = SluiceWorker(settings.work_pool, settings.worker_name, settings.worker_capacity, dead)
            catching_up = asyncio.create_task(catch_up())
            try:
                await worker.serve(ready)
            finally:
                catching_up.cancel()
                await engine.drain(DRAIN_WITHIN)


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the command line, which stops all parts in order."""
        yield


async def receive(settings: Settings, ready: Ready) -> None:
    """The receiver of webhooks.

    Raises:
        TerminalError: its port is taken, or a sender of an installed package cannot be used.
    """
    async with wiring.prefect_of(settings) as api:
        app = application(api.post, all_senders().values(), secrets_of(settings))
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        server = _Uvicorn(config)
        with _listening(settings.receiver_host, settings.receiver_port, "SLUICE_RECEIVER_PORT") as port:
            ready()  # the port takes connections from here on
            serving = asyncio.create_task(server.serve(sockets=[port]))
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True
                await serving


@contextmanager
def _listening(host: str, port: int, variable: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise TerminalError(f"port {port} on {host} cannot be used ({error.strerror}): set {variable}") from error
        listener.listen(128)
        yield listener


async def watch(settings: Settings, ready: Ready) -> None:
    """The watcher of Kubernetes objects."""
    async with wiring.prefect_of(settings, WATCHER_CALL) as api:
        ready()
        await watcher.watch(settings, api.post)


def ui_url(settings: Settings) -> str:
    """Where people find Prefect's UI."""
    return get_current_settings().ui_url or settings.api_url.removesuffix("/api")
