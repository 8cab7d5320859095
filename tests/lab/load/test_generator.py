"""The load generator: an open loop that neither waits, nor retries, nor hides.

Marked ``lab`` because it needs the lab's Go toolchain; the cluster itself is not used.
"""

import itertools
import json
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lab.load import LOAD
from lab.programs.gobuild import build_program

pytestmark = pytest.mark.lab


class Application(BaseHTTPRequestHandler):
    """Behaves as its class attributes say."""

    protocol_version = "HTTP/1.1"
    status = 200
    delay = 0.0
    drops_every_second = False
    served = False
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.headers["Host"])
        time.sleep(self.delay)
        if self.drops_every_second and self.served:
            self.close_connection = True
            return
        self.served = True
        self.send_response(self.status)
        self.send_header("X-Version", "1.0.0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def program() -> Path:
    return build_program(LOAD, "load")


@pytest.fixture
def application() -> Iterator[tuple[type[Application], str]]:
    kind = type("Application", (Application,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kind, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def load(program: Path, url: str, out: Path, *more: str) -> list[dict[str, Any]]:
    command = [program, "--url", url, "--host", "shop.test", "--out", out, *more]
    subprocess.run(command, check=True, timeout=60)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_requests_keep_their_schedule(
    program: Path, application: tuple[type[Application], str], tmp_path: Path
) -> None:
    """A slow application does not slow the load down: requests are due at fixed distances."""
    kind, url = application
    kind.delay = 0.5
    lines = load(program, url, tmp_path / "out.jsonl", "--rate", "100", "--duration", "1s")

    due = sorted(line["t"] for line in lines)
    distances = [after - before for before, after in itertools.pairwise(due)]
    assert len(lines) == pytest.approx(100, abs=2)
    assert distances == pytest.approx([0.01] * len(distances), abs=0.0005)
    assert all((line["status"], line["version"], line["error"]) == (200, "1.0.0", "") for line in lines)
    assert set(kind.seen) == {"shop.test"}


def test_nothing_is_retried(program: Path, application: tuple[type[Application], str], tmp_path: Path) -> None:
    """A connection that breaks under a request is a failed request, sent once."""
    kind, url = application
    kind.drops_every_second = True
    lines = load(program, url, tmp_path / "out.jsonl", "--rate", "20", "--duration", "500ms")

    assert len(kind.seen) == len(lines)
    assert [bool(line["error"]) for line in lines] == [n % 2 == 1 for n in range(len(lines))]
    assert all(line["version"] == "" for line in lines if line["error"])


def test_a_request_that_finds_no_place_counts_as_failed(
    program: Path, application: tuple[type[Application], str], tmp_path: Path
) -> None:
    """Requests beyond the bound are written down as failed, never silently left out."""
    kind, url = application
    kind.delay = 2
    lines = load(program, url, tmp_path / "out.jsonl", "--rate", "50", "--duration", "1s", "--in-flight", "5")

    assert len(kind.seen) == 5
    assert [line["error"] for line in lines].count("too many requests under way") == len(lines) - 5
    assert len(lines) == pytest.approx(50, abs=2)


def test_a_user_waits_only_so_long(program: Path, application: tuple[type[Application], str], tmp_path: Path) -> None:
    """A request without an answer in time is a failed one."""
    kind, url = application
    kind.delay = 3
    lines = load(program, url, tmp_path / "out.jsonl", "--rate", "10", "--duration", "200ms", "--timeout", "300ms")
    assert {(line["status"], line["error"]) for line in lines} == {(0, "timeout")}


def test_nothing_is_lost_when_it_is_ended(
    program: Path, application: tuple[type[Application], str], tmp_path: Path
) -> None:
    """On SIGTERM it waits for the requests under way and writes them; lines are there for others to read before."""
    kind, url = application
    kind.delay = 0.3
    out = tmp_path / "out.jsonl"
    with subprocess.Popen([program, "--url", url, "--rate", "50", "--out", out]) as process:
        try:
            give_up = time.monotonic() + 10
            while len(kind.seen) < 30 or not out.exists() or not out.stat().st_size:
                assert time.monotonic() < give_up, "nothing was written while it ran"
                time.sleep(0.02)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == len(kind.seen)
    assert {line["status"] for line in lines} == {200}


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/", "http://shop.test/", "http://localhost/", "https://127.0.0.1/", ""]
)
def test_load_goes_to_loopback_only(program: Path, tmp_path: Path, url: str) -> None:
    """Any address that is not plainly this machine is refused before a request is sent."""
    done = subprocess.run(
        [program, "--url", url, "--out", tmp_path / "out.jsonl", "--duration", "1s"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 2
    assert not (tmp_path / "out.jsonl").exists()
