"""The sample application: it does what its environment says, and nothing gracefully.

Marked ``lab`` because it needs the lab's Go toolchain; the cluster itself is not used.
"""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from lab.apps.variants import SHOP
from lab.programs.gobuild import build_program

pytestmark = pytest.mark.lab
Start = Callable[..., tuple[subprocess.Popen[bytes], str]]


@pytest.fixture(scope="module")
def program() -> Path:
    return build_program(SHOP, "shop")


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    started = []

    def run(**environment: str) -> tuple[subprocess.Popen[bytes], str]:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen([program], env={"PORT": str(port), "VERSION": "1.2.3", **environment})
        started.append(process)
        url = f"http://127.0.0.1:{port}"
        transport = httpx.HTTPTransport(retries=8)
        httpx.Client(transport=transport, trust_env=False).get(url + "/healthz", timeout=10)
        return process, url

    yield run
    for process in started:
        process.kill()
        process.wait(timeout=10)


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def test_it_says_its_version_and_pod(start: Start) -> None:
    """Every answer says which version gave it, in the body and in a header."""
    _, url = start()
    answer = get(url + "/")
    assert (answer.status_code, answer.headers["X-Version"]) == (200, "1.2.3")
    assert answer.json() == {"version": "1.2.3", "pod": socket.gethostname()}


def test_a_good_version_is_ready_and_never_fails(start: Start) -> None:
    """Without further words in its environment it serves every request."""
    _, url = start()
    assert get(url + "/ready").status_code == 200
    assert {get(url + "/").status_code for _ in range(50)} == {200}


def test_it_fails_the_asked_share_in_the_same_order_each_time(start: Start) -> None:
    """FAIL_PERCENT fails about that share, and two runs of a version in one place fail the same requests."""
    runs = [[get(url + "/").status_code for _ in range(300)] for _, url in (start(FAIL_PERCENT="50") for _ in "ab")]
    assert runs[0] == runs[1]
    assert 100 < runs[0].count(500) < 200


def test_a_failure_still_says_its_version(start: Start) -> None:
    """A failed request can be counted against the version that failed it."""
    _, url = start(FAIL_PERCENT="100")
    answer = get(url + "/")
    assert (answer.status_code, answer.headers["X-Version"]) == (500, "1.2.3")


def test_it_counts_what_users_got_by_variant(start: Start) -> None:
    """Each series is there from the start; without a flag nobody has the feature."""
    _, url = start(FAIL_PERCENT="100")
    for _ in range(3):
        get(url + "/")
    lines = dict(line.rsplit(" ", 1) for line in get(url + "/metrics").text.splitlines())
    assert lines == {
        'shop_requests_total{variant="false",code="200"}': "0",
        'shop_requests_total{variant="false",code="500"}': "3",
        'shop_requests_total{variant="true",code="200"}': "0",
        'shop_requests_total{variant="true",code="500"}': "0",
    }


def test_a_version_that_never_becomes_ready_still_lives(start: Start) -> None:
    """READY=never fails the readiness probe only."""
    _, url = start(READY="never")
    assert get(url + "/ready").status_code == 503
    assert get(url + "/healthz").status_code == 200


def test_a_crashing_version_exits_with_an_error(start: Start) -> None:
    """CRASH_AFTER_MS ends the process with status 1."""
    process, _ = start(CRASH_AFTER_MS="200")
    assert process.wait(timeout=10) == 1


def test_it_drops_requests_under_way_when_told_to_end(start: Start) -> None:
    """On SIGTERM it exits at once: a request that is being served gets no answer."""
    process, url = start(DELAY_MS="5000")
    address = httpx.URL(url)
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
        get(url + "/healthz")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=4) == 0
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
