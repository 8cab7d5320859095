"""The Prefect server of tests, started as `sluice up` starts it.

Prefect's own test harness lets writers on SQLite collide: on a busy machine it answers 503 where many runs begin together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prefect.context import _temporary_global_settings_context, get_settings_context
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.server import embedded
from deployments.server.embedded import EmbeddedServer
from deployments.worker import engine

START_WITHIN_S = 300
"""A first start creates the tables: a minute and a half, which an installation waits for, are too few on a busy machine."""
STOP_WITHIN_S = 30
RETRIES = 10
"""How often a flow of a test asks a server that is too busy for it; Prefect's own five are over before two builds are."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def prefect_server(home: Path, host: str, port: int, config: pytest.Config) -> Iterator[str]:
    """A server with its database in `home` for the duration of the block; gives the address of its API."""
    server = EmbeddedServer(home, host, port)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        with patient(), _migrated(config, home / "prefect.db"):
            asyncio.run_coroutine_threadsafe(server.start(), loop).result(START_WITHIN_S)
        yield f"{server.url}/api"
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(STOP_WITHIN_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


@contextmanager
def patient() -> Iterator[None]:
    """Servers that start inside the block have time for it."""
    with pytest.MonkeyPatch.context() as it:
        it.setattr(embedded, "START_WITHIN", START_WITHIN_S)
        yield


@contextmanager
def flows_run_at(api: str) -> Iterator[None]:
    """Flows that run in this process, in whatever thread, have their runs at this API."""
    here = {PREFECT_API_URL: api, PREFECT_CLIENT_MAX_RETRIES: RETRIES}
    with temporary_settings(here), _temporary_global_settings_context(get_settings_context()):
        yield
        asyncio.run(engine.drain(5.0))


@contextmanager
def _migrated(config: pytest.Config, database: Path) -> Iterator[None]:
    """Start from an empty database that an earlier session has created: that takes most of a first start."""
    begin_with_tables(config, database)
    yield
    kept = _kept(config)
    if not kept.exists():
        draft = kept.with_suffix(f".{os.getpid()}")
        with (
            contextlib.closing(sqlite3.connect(database)) as source,
            contextlib.closing(sqlite3.connect(draft)) as copy,
        ):
            source.backup(copy)
        draft.replace(kept)


def begin_with_tables(config: pytest.Config, database: Path) -> None:
    """Put an empty database with all tables where a server will look for its own, if a session has created one already."""
    if (kept := _kept(config)).exists():
        shutil.copy(kept, database)


def _kept(config: pytest.Config) -> Path:
    cache: pytest.Cache = config.cache  # type: ignore[assignment]
    return cache.mkdir("prefect") / f"{engine.PREFECT_VERSION}.db"
