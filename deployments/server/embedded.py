"""The embedded Prefect server: a child process with its database and logs in sluice's home folder."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from pydantic import SecretStr

from deployments.server.retention import retention
from deployments.supervision import end
from deployments.worker.engine import PREFECT_VERSION
from sluice.addresses import reached_at
from sluice.errors import TerminalError, TransientError

START_WITHIN = 90.0
"""Seconds for a start; the first one creates the database (10 s on two cores)."""
STOP_WITHIN = 6.0
"""Seconds for an orderly stop, before it is killed."""
PORT_FREE_WITHIN = 5.0
"""Seconds that a port may stay taken: the server of a killed predecessor needs a moment to notice."""
CONNECTIONS = 15
"""Most connections to PostgreSQL, as many as Prefect allows, all of them kept. Prefect keeps five: in a burst each of the
others was made, asked PostgreSQL for its types and was closed again for one use."""
LOG_LIMIT = 10 * 1024 * 1024
"""Bytes of log after which a new one begins and the old one is kept."""


def environment(
    home: Path,
    host: str,
    port: int,
    database: str | None = None,
    redis: str | None = None,
    *,
    auth: str | None = None,
    keep_days: int = 30,
) -> dict[str, str]:
    """The server's environment: nothing of the user's Prefect settings gets in.

    Batches: without them each task run costs the server transactions of its own; with them rows appear a second or two
    later and the server needs half the CPU. The schedule is kept short so that a server that was off for an hour does
    not come back to sixty late runs of one deployment. A Cancelling run may need minutes to take its traffic home.

    The UI is copied to `home`, since the folder of the package may be read-only. It asks the address that it was loaded
    from, which behind a port-forward or a proxy is not the server's own.
    """
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    return (
        inherited
        | _messages(redis)
        | _login(auth)
        | retention(keep_days)
        | {
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_PROFILES_PATH": str(home / "prefect" / "profiles.toml"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database or f"sqlite+aiosqlite:///{home / 'prefect.db'}",
            "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
            "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": "60",
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_POOL_SIZE": str(CONNECTIONS),
            "PREFECT_SERVER_DATABASE_SQLALCHEMY_MAX_OVERFLOW": "0",
            "PREFECT_API_URL": f"http://{reached_at(host)}:{port}/api",
            "PREFECT_SERVER_API_HOST": host,
            "PREFECT_SERVER_API_PORT": str(port),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_UI_ENABLED": "true",
            "PREFECT_SERVER_UI_API_URL": "/api",
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "prefect" / "ui"),
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
            "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
            "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
            "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "100",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "2",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "3",
            "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_SCHEDULED_TIME": "PT2M",
            "PREFECT_SERVER_SERVICES_CANCELLATION_CLEANUP_CANCELLING_TIMEOUT_SECONDS": "1800",
            "PYTHONUNBUFFERED": "1",
        }
    )


def _login(auth: str | None) -> dict[str, str]:
    """What the server asks everybody for, and what its own clients show."""
    return {} if auth is None else {"PREFECT_SERVER_API_AUTH_STRING": auth, "PREFECT_API_AUTH_STRING": auth}


def _messages(redis: str | None) -> dict[str, str]:
    """What lets several servers of one database share their messages."""
    if redis is None:
        return {}
    return {
        "PREFECT_MESSAGING_BROKER": "deployments.server.redis_bus",
        "PREFECT_MESSAGING_CACHE": "deployments.server.redis_bus",
        "PREFECT_REDIS_MESSAGING_CONSUMER_BLOCK": "2",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        "PREFECT_REDIS_MESSAGING_URL": redis,
        "PREFECT_SERVER_DOCKET_URL": redis,
    }


class EmbeddedServer:
    """A Prefect server that lives and ends with this process. Use as an async context manager."""

    def __init__(
        self,
        home: Path,
        host: str,
        port: int,
        *,
        auth: SecretStr | None = None,
        database: SecretStr | None = None,
        redis: SecretStr | None = None,
        keep_days: int = 30,
    ) -> None:
        """
        Args:
            home: folder for its database, logs and settings.
            host, port: where it listens.
            auth: `user:password` that it asks for; nothing where not given.
            database: connection URL of a database; SQLite in `home` where not given.
            redis: URL of a Redis for its messages; its own memory where not given.
            keep_days: days that it keeps what happened.
        """
        self._home = home.resolve()
        self._host = host
        self._port = port
        self._auth = auth.get_secret_value() if auth else None
        self._keep_days = keep_days
        self._back_ends = tuple(one.get_secret_value() if one else None for one in (database, redis))
        self._process: asyncio.subprocess.Process | None = None
        self.log = self._home / "logs" / "prefect-server.log"
        self.url = f"http://{reached_at(host)}:{port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the server and wait until its API answers.

        Raises:
            TerminalError: the port is taken, the server ends while starting, or it is another version.
            TransientError: it does not answer in time.
        """
        await self._wait_for_port()
        for folder in (self.log.parent, self._home / "prefect"):
            folder.mkdir(parents=True, exist_ok=True)
        self.trim_log()
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deployments.server.process", "--host", self._host, "--port", str(self._port)),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment(
                    self._home, self._host, self._port, *self._back_ends, auth=self._auth, keep_days=self._keep_days
                ),
                start_new_session=True,  # Ctrl-C in the terminal reaches us only: runs are handed on before it stops
            )
        try:
            await self._healthy(self._process)
        except BaseException:
            await self.stop()
            raise

    def trim_log(self) -> None:
        """Keep the log within bounds: what is over them becomes the older half. The server goes on writing to its file."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(self.log, self.log.with_suffix(".log.1"))
            os.truncate(self.log, 0)

    async def wait(self) -> int:
        """Wait until the server ends, and say its exit code."""
        return await self._process.wait() if self._process else 0

    async def stop(self) -> None:
        """End the server: orderly, and by force when that takes too long."""
        process, self._process = self._process, None
        if process is not None:
            await end(process, STOP_WITHIN)

    def _client(self) -> httpx.AsyncClient:
        user, _, password = (self._auth or "").partition(":")
        login = httpx.BasicAuth(user, password) if self._auth else None
        return httpx.AsyncClient(base_url=self.url, timeout=2.0, trust_env=False, auth=login)

    async def _healthy(self, process: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(START_WITHIN), self._client() as client:
                while process.returncode is None:
                    with suppress(httpx.TransportError):
                        if (await client.get("/api/health")).is_success:
                            version = (await client.get("/api/admin/version")).json()
                            break
                    await asyncio.sleep(0.1)
                else:
                    raise TerminalError(f"the Prefect server ended while starting: {self._last_words()}")
        except TimeoutError as error:
            raise TransientError(
                f"the Prefect server does not answer within {START_WITHIN:.0f} s: {self._last_words()}"
            ) from error
        if version != PREFECT_VERSION:
            raise TerminalError(f"{self.url} is Prefect {version}, sluice needs {PREFECT_VERSION}")

    async def _wait_for_port(self) -> None:
        for _ in range(int(PORT_FREE_WITHIN / 0.2)):
            if self._port_is_free():
                return
            await asyncio.sleep(0.2)
        raise TerminalError(
            f"port {self._port} on {self._host} is taken: end what listens there, choose another with "
            "SLUICE_PREFECT_PORT, or use the Prefect server that is there with SLUICE_PREFECT_API_URL"
        )

    def _port_is_free(self) -> bool:
        with socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self._port))
            except OSError:
                return False
            return True

    def _last_words(self) -> str:
        try:
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()][-3:]
        except OSError:
            lines = []
        return f"{' | '.join(lines)} (all of it: {self.log})"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
