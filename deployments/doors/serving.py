"""Serves the receiver on its port. It imports little, so that the process which does only this is small and soon there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any

import uvicorn
from starlette.routing import Route

from blocks.prefect.api import PrefectEvents
from deployments.doors.connections import BoundedConnection
from deployments.doors.proof import Guard
from deployments.doors.receiver import application
from deployments.doors.secrets import secrets_of
from deployments.doors.senders import all_senders
from deployments.settings import Settings
from deployments.supervision import forever
from sluice.errors import TerminalError

HOOKS = "deployments.doors.hooks.serving:HookService"
GATES = "deployments.doors.gates.serving:GateService"
SLACK = "deployments.doors.slack.serving:SlackService"


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to who started this, and stops all in order."""
        yield


async def receive(settings: Settings, ready: Callable[[], None]) -> None:
    """The receiver of webhooks, until it is cancelled; `ready` is called once its port takes connections.

    Raises:
        TerminalError: its port is taken, or a sender of an installed package cannot be used.
    """
    async with PrefectEvents(settings.api_url, auth=settings.prefect_login) as api:
        others, following = _in_cluster(settings)
        app = application(api.post, all_senders().values(), secrets_of(settings), others=others)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
            http=BoundedConnection,
        )
        server = _Uvicorn(config)
        with _listening(settings.receiver_host, settings.receiver_port, "SLUICE_RECEIVER_PORT") as port:
            ready()  # the port takes connections from here on
            serving = asyncio.create_task(server.serve(sockets=[port]))
            followers = [asyncio.create_task(one) for one in following]
            try:
                await asyncio.shield(serving)
            finally:
                for follower in followers:
                    follower.cancel()
                await asyncio.gather(*followers, return_exceptions=True)
                server.should_exit = True
                await serving


def _in_cluster(settings: Settings) -> tuple[Callable[[Guard], Iterable[Route]], list[Coroutine[Any, Any, None]]]:
    """The doors that need the cluster and what keeps them, where they are wanted: a client of Kubernetes is not small."""
    services = [
        (resolve_name(service)(settings), what)
        for wanted, service, what in (
            (settings.receivers, HOOKS, "following Receivers (SLUICE_RECEIVERS=false does without)"),
            (settings.gate_token is not None, GATES, "keeping gates (without SLUICE_GATE_TOKEN none are served)"),
            (settings.hears_slack, SLACK, "hearing Slack (without SLUICE_SLACK_SIGNING_SECRET it is not heard)"),
        )
        if wanted
    ]
    following = [forever(what, service.run, 5.0) for service, what in services]
    return lambda guard: [route for service, _ in services for route in service.routes(guard)], following


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
