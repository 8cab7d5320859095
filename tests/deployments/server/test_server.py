"""The embedded server: starts or says why not, keeps its hands off the user's Prefect, leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prefect.client.schemas.schedules import IntervalSchedule

from deployments.server import embedded as server_module
from deployments.server.embedded import EmbeddedServer, environment
from deployments.settings import Settings
from deployments.worker.identity import only_one
from sluice.errors import TerminalError
from tests.deployments.conftest import Runtime, free_port

pytestmark = pytest.mark.server


async def test_a_taken_port_is_told_with_the_ways_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started."""
    monkeypatch.setattr(server_module, "PORT_FREE_WITHIN", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(TerminalError, match="SLUICE_PREFECT_PORT"),
    ):
        await EmbeddedServer(tmp_path, "127.0.0.1", taken.getsockname()[1]).start()


async def test_a_server_that_ends_while_starting_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No waiting for a time-out, and no looking for the log."""
    monkeypatch.setattr(
        server_module, "environment", lambda *_, **__: {"PREFECT_SERVER_SERVICES_FOREMAN_LOOP_SECONDS": "x"}
    )
    server = EmbeddedServer(tmp_path, "127.0.0.1", free_port())
    with pytest.raises(TerminalError, match=r"ended while starting.*prefect-server\.log"):
        await server.start()
    assert server.pid is None


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """The server reads its standard input; when the other end is gone, so is the server: kill -9 leaves no server."""
    child = subprocess.Popen(
        [sys.executable, "-m", "deployments.server.process", "--host", "127.0.0.1", "--port", str(free_port())],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(tmp_path, "127.0.0.1", 1),
    )
    assert child.stdin is not None
    child.stdin.close()
    assert child.wait(60) is not None


def test_nothing_of_the_users_prefect_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither another API nor another database: the embedded server is the same everywhere, and phones nobody."""
    monkeypatch.setenv("PREFECT_API_KEY", "secret")
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql://elsewhere")
    made = environment(tmp_path, "127.0.0.1", 4200)
    assert "PREFECT_API_KEY" not in made
    assert "elsewhere" not in str({key: value for key, value in made.items() if key.startswith("PREFECT_")})
    assert made["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"


async def test_the_clock_starts_flows(sut: Runtime) -> None:
    """The server's scheduler works with the libraries as they are pinned: a deployment with a schedule gets runs."""
    deployment = await sut.client.read_deployment_by_name("sample_hold/sample_hold")
    schedule = IntervalSchedule(interval=timedelta(hours=1))
    await sut.client.create_deployment_schedules(deployment.id, [(schedule, True)])
    async with asyncio.timeout(20):
        while not [run for run in await sut.client.read_flow_runs() if run.auto_scheduled]:
            await asyncio.sleep(0.1)


def test_a_name_is_held_by_one_process(tmp_path: Path) -> None:
    """Two workers of one name would take each other's runs up."""
    with (
        only_one(tmp_path, "worker-a", "name it otherwise"),
        pytest.raises(TerminalError, match="name it otherwise"),
        only_one(tmp_path, "worker-a", "name it otherwise"),
    ):
        pass
    with only_one(tmp_path, "worker-a", "name it otherwise"):
        pass


def test_settings_come_from_the_environment_and_keep_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """One place reads the environment, and printing it shows no secret."""
    for name, value in {"NAMESPACES": "a, b", "GITHUB_SECRET": "hush", "REGISTRY_TOKEN": "hush"}.items():
        monkeypatch.setenv(f"SLUICE_{name}", value)
    settings = Settings()
    assert settings.namespaces == ("a", "b")
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()
