"""`sluice up` as a person runs it: what ends one part leaves the others at work, and none of them without a successor."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from deployments.apart import apart, dumped
from deployments.settings import Settings
from sluice.errors import TerminalError
from tests.deployments.conftest import free_port

LOGIN = ("people", "hush")
TOKEN = "token"
PATIENCE = 300.0
"""Seconds after which what should happen is taken not to happen: four processes start on a machine that may be busy."""


def pushed(tag: str) -> dict[str, Any]:
    target = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "repository": "shop",
        "tag": tag,
        "digest": "sha256:a",
    }
    return {"events": [{"id": tag, "action": "push", "target": target, "request": {"host": "registry"}}]}


class Installation:
    """One `sluice up` that others can reach, and so asks for a login; there is no cluster."""

    def __init__(self, folder: Path) -> None:
        self.home, self.prefect, self.receiver = folder / "home", free_port(), free_port()
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(
            "apiVersion: v1\nkind: Config\ncurrent-context: none\n"
            "clusters: [{name: none, cluster: {server: 'http://127.0.0.1:9'}}]\n"
            "users: [{name: none, user: {}}]\ncontexts: [{name: none, context: {cluster: none, user: none}}]\n"
        )
        settings = {
            "HOME": self.home,
            "KUBECONFIG": kubeconfig,
            "PREFECT_HOST": "0.0.0.0",
            "PREFECT_PORT": self.prefect,
            "PREFECT_AUTH": ":".join(LOGIN),
            "RECEIVER_PORT": self.receiver,
            "REGISTRY_TOKEN": TOKEN,
            "WORKER_NAME": "apart",
        }
        others = {key: value for key, value in os.environ.items() if not key.startswith(("SLUICE_", "PREFECT_"))}
        with (folder / "up.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deployments.cli", "up"],
                env=others | {f"SLUICE_{key}": str(value) for key, value in settings.items()},
                stdout=log,
                stderr=log,
            )
        self.log = folder / "up.log"

    def said(self, part: str) -> int:
        """How often it said that a part is ready."""
        return sum(line.startswith(part) for line in self.log.read_text().splitlines())

    def part(self, name: str) -> int | None:
        """Process id of a part that runs."""
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for pid in children.read_text().split():
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"deployments.apart" in words and name.encode() in words:
                    return int(pid)
        return None

    def ask(self, path: str, auth: tuple[str, str] | None) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.prefect}{path}", auth=auth, timeout=PATIENCE, trust_env=False)

    def push(self, tag: str) -> int:
        """What a registry is answered; 0 where nobody answers."""
        try:
            return httpx.post(
                f"http://127.0.0.1:{self.receiver}/registry",
                json=pushed(tag),
                headers={"Authorization": f"Bearer {TOKEN}"},
                timeout=PATIENCE,
                trust_env=False,
            ).status_code
        except httpx.HTTPError:
            return 0

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that happens within seconds when all is well."""
        end = time.monotonic() + PATIENCE
        while not condition():
            assert self.process.poll() is None, f"it ended: {self.log.read_text()}"
            assert time.monotonic() < end, f"{what}: {self.log.read_text()}"
            time.sleep(0.1)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Installation]:
    it = Installation(tmp_path)
    try:
        it.until(lambda: it.said("worker") and it.said("receiver"), "it is up")
        yield it
    finally:
        it.process.terminate()
        it.process.wait(PATIENCE)
        assert it.process.returncode == 0, "an orderly stop is no error"


@pytest.mark.server
def test_a_worker_that_is_killed_leaves_the_receiver_answering(up: Installation) -> None:
    """As the kernel kills it when memory runs out. It is started again; a receiver that is killed is too.

    The server asks everybody for the login, and every part shows it: the push is accepted because Prefect has taken it.
    """
    assert up.ask("/api/health", None).status_code == 200, "for probes"
    assert up.ask("/api/admin/version", None).status_code == 401
    assert up.ask("/api/admin/version", ("people", "other")).status_code == 401
    assert up.ask("/api/admin/version", LOGIN).status_code == 200
    worker, receiver = up.part("worker"), up.part("receiver")
    assert worker
    assert receiver
    assert len({worker, receiver, up.process.pid}) == 3
    os.kill(worker, signal.SIGKILL)
    assert up.push("1") == 202
    assert up.part("receiver") == receiver
    up.until(lambda: up.said("worker") == 2, "the worker is back")
    assert up.part("worker") not in {None, worker}
    os.kill(receiver, signal.SIGKILL)
    up.until(lambda: up.push("2") == 202, "the receiver is back")
    assert up.part("receiver") not in {None, receiver}


def test_a_part_gets_the_settings_as_they_are() -> None:
    """Secrets too: through a pipe, and in no list of processes."""
    given = Settings(namespaces=("a", "b"), registry_token=SecretStr("hush"), worker_capacity=7, home=Path("x"))
    assert Settings.model_validate_json(dumped(given)) == given


def begun(settings: Settings, part: str = "receiver") -> subprocess.Popen[bytes]:
    """A part as `sluice up` starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.apart", part], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin
    process.stdin.write(dumped(settings).encode() + b"\n")
    process.stdin.flush()
    return process


def test_a_part_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """However that ends: the next `sluice up` finds the port free."""
    settings = Settings(home=tmp_path, receiver_port=free_port())
    with begun(settings) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        assert (
            httpx.get(
                f"http://127.0.0.1:{settings.receiver_port}/healthz", timeout=PATIENCE, trust_env=False
            ).status_code
            == 200
        )
        process.stdin.close()
        assert process.wait(PATIENCE) == 1


async def test_a_part_that_can_never_work_says_why(tmp_path: Path) -> None:
    """Its port is taken: the message has the way out, and nothing is tried again for ever."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(home=tmp_path, receiver_port=taken.getsockname()[1])
        with pytest.raises(TerminalError, match="SLUICE_RECEIVER_PORT"):
            await apart("receiver", settings, lambda: None)
