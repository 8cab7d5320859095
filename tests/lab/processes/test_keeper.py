"""The lab ends its own processes, all of them, and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.processes import keeper
from lab.processes.keeper import Places, Process

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """A checkout of which nothing runs once the test is over."""
    monkeypatch.setattr(keeper, "OWNER", "SLUICE_LAB_OWNER_IN_TESTS")  # the real lab must not take it for one
    (tmp_path / "logs").mkdir()
    (tmp_path / "run").mkdir()
    yield Places(tmp_path, tmp_path / "logs", tmp_path / "run")
    keeper.end(keeper.owned_by(tmp_path), grace_s=0)


def wait_until(holds: Callable[[], bool]) -> None:
    """Give the other process a moment."""
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "it did not happen within 5 s"
        time.sleep(0.02)


def test_a_recycled_id_is_left_alone() -> None:
    """A pid file whose process ended must not kill whoever has its number now."""
    with subprocess.Popen(SLEEPER) as bystander:
        now = keeper.process(bystander.pid)
        assert now is not None
        recorded = Process(bystander.pid, now.started - 1)
        assert not recorded.alive()
        assert keeper.end([recorded], grace_s=0) == []
        assert bystander.poll() is None
        bystander.kill()


def test_a_started_daemon_is_recorded_and_nobodys_child(places: Places) -> None:
    """It has a pid file, its output in a log, a session of its own, and a parent that will not take it along."""
    daemon = keeper.start(
        "sleeper", [sys.executable, "-c", "print('hello', flush=True); import time; time.sleep(60)"], {}, places
    )
    assert keeper.recorded(places.pids) == {"sleeper": daemon}
    assert os.getsid(daemon.pid) != os.getsid(0)
    wait_until(lambda: keeper.tail(places.logs / "sleeper.log") == "hello")
    assert "PPid:\t" + str(os.getpid()) not in Path(f"/proc/{daemon.pid}/status").read_text()


def test_a_daemon_is_found_without_its_pid_file(places: Places) -> None:
    """Losing every record loses no process, nor the processes that it started."""
    script = f"import subprocess; subprocess.run({SLEEPER!r})"
    keeper.start("parent", [sys.executable, "-c", script], {}, places)
    (places.pids / "parent.pid").unlink()
    wait_until(lambda: len(keeper.owned_by(places.checkout)) == 2)
    assert keeper.owned_by(places.checkout / "another") == []


def test_what_ignores_the_request_is_killed(places: Places) -> None:
    """Ending is final, however stubborn the process."""
    daemon = keeper.start("stubborn", STUBBORN, {}, places)
    wait_until(lambda: keeper.tail(places.logs / "stubborn.log") == "ready")
    daemon.signal(signal.SIGTERM)
    assert daemon.alive()
    assert keeper.end([daemon], grace_s=0.1) == []
    assert not daemon.alive()


def test_a_program_that_cannot_start_says_so_in_its_log(places: Places) -> None:
    """The reason is where one looks for it."""
    keeper.start("absent", ["/nowhere/at/all"], {}, places)
    log = places.logs / "absent.log"
    wait_until(lambda: bool(keeper.tail(log)))
    assert "/nowhere/at/all" in keeper.tail(log)
