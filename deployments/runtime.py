"""The parts of an installation, each as one coroutine that runs until it is cancelled.

`deployments.cli` starts one of them, `deployments.up` all of them, some in processes of their own (`deployments.apart`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import httpx
from prefect.settings.context import get_current_settings

from deployments import wiring
from deployments.alerting.alerting import Alerting
from deployments.automations.register import RESULTS, Change, register
from deployments.drift.watcher import DriftWatcher
from deployments.keeper.keeper import Keeper
from deployments.polling.turn import in_turn
from deployments.server.embedded import EmbeddedServer
from deployments.settings import Settings
from deployments.supervision import forever
from deployments.watchers import targets as watcher
from deployments.watchers.catching_up import catch_up
from deployments.worker import engine
from deployments.worker.dead_workers import DeadWorkers
from deployments.worker.identity import Identity, only_one
from deployments.worker.worker import SluiceWorker
from deployments.workflows import WORKFLOWS, Workflow
from sluice.errors import TerminalError, TransientError

DRAIN_WITHIN = 2.0
"""Seconds for logs and events that a stopping worker has not sent yet."""
WATCHER_CALL = 10.0
"""Seconds for one of the watcher's calls to Prefect: nobody waits for it, and a batch takes a busy server a while."""

TRIM_EVERY = 600.0
"""Seconds between two looks at the size of the server's log."""
log = logging.getLogger("sluice")

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


def server_of(settings: Settings) -> EmbeddedServer:
    """The Prefect server that the settings ask for."""
    return EmbeddedServer(
        settings.home,
        settings.prefect_host,
        settings.prefect_port,
        auth=settings.prefect_auth,
        database=settings.database_url,
        redis=settings.redis_url,
        keep_days=settings.keep_days,
    )


async def keep(server: EmbeddedServer) -> None:
    """Start the server again when it ended. Runs go on meanwhile, and tell their states when it is back."""
    code = await server.wait()
    log.error("The Prefect server ended with %s; starting it again. Its log: %s", code, server.log)
    await server.start()


async def serve(settings: Settings, ready: Ready) -> None:
    """Prefect's server with what sluice needs in it; call inside `prefect_for`.

    Raises:
        TerminalError: the settings name a server that exists, or this one can never work.
    """
    if not settings.embedded:
        raise TerminalError(
            f"SLUICE_PREFECT_API_URL names a server that exists ({settings.api_url}): unset it here, or run "
            "`sluice register` once instead of `sluice server`"
        )
    with only_one(settings.home, "sluice-server", "stop it, or choose another folder with --home"):
        async with server_of(settings) as server:
            await register_all(settings)
            ready()
            async with asyncio.TaskGroup() as running:
                running.create_task(forever("the Prefect server", lambda: keep(server), 1.0))
                running.create_task(forever("trimming its log", lambda: asyncio.to_thread(server.trim_log), TRIM_EVERY))


async def work(settings: Settings, ready: Ready) -> None:
    """The worker, with its connections; call inside `prefect_for`.

    Raises:
        TerminalError: a worker of this name runs on this machine already.
    """
    way_out = "give this one another name with SLUICE_WORKER_NAME"
    with only_one(settings.home, f"worker-{settings.worker_name}", way_out):
        me = Identity.new(settings.worker_name)
        async with wiring.connected(settings, me.life) as wired:
            dead = DeadWorkers(wired, settings.leases_in)
            worker = SluiceWorker(settings.work_pool, settings.worker_name, settings.worker_capacity, dead, me)
            catching_up = asyncio.create_task(catch_up())
            keeper = Keeper.of(wired)
            keeping = asyncio.create_task(forever("keeping what Canaries bring forth", keeper.keep, 1.0))
            drift = DriftWatcher.of(wired, acts=False)
            taking_turns = partial(in_turn, wired, drift.act, settings.images_every, settings.git_every)
            turns = asyncio.create_task(forever("polling and putting back", taking_turns, 1.0))
            watching = asyncio.create_task(forever("watching what is synced", drift.keep, 1.0))
            of, own_only = settings.namespaces or (None,), settings.no_cross_namespace_refs
            alerting = Alerting(wired.cluster, of, own_only, wired.informers)
            alerts = asyncio.create_task(forever("sending alerts", alerting.keep, 1.0))
            try:
                await worker.serve(ready)
            finally:
                alerts.cancel()
                catching_up.cancel()
                keeping.cancel()
                watching.cancel()
                turns.cancel()
                await asyncio.wait({turns}, timeout=DRAIN_WITHIN)
                await engine.drain(DRAIN_WITHIN)


async def work_apart(settings: Settings, ready: Ready) -> None:
    """The worker as the only part of its process."""
    with prefect_for(settings):
        await work(settings, ready)


async def watch(settings: Settings, ready: Ready) -> None:
    """The watcher of Kubernetes objects."""
    async with wiring.prefect_of(settings, WATCHER_CALL) as api:
        ready()
        await watcher.watch(settings, api.post)


def ui_url(settings: Settings) -> str:
    """Where people find Prefect's UI."""
    return get_current_settings().ui_url or settings.api_url.removesuffix("/api")
