"""The sign of life that a pod's probes look at."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deployments.tools import alive
from deployments.tools.alive import ALIVE, OLD, READY, SignOfLife, probed

KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: it, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: it, context: {cluster: it, user: me}}]
users: [{name: me, user: {}}]
current-context: it
"""
ROOT = Path(__file__).resolve().parents[3]


async def test_a_part_is_alive_at_once_and_ready_when_it_works(tmp_path: Path) -> None:
    """And neither before nor after: a home may be left from another life."""
    (tmp_path / READY).touch()
    with SignOfLife(tmp_path / ".") as sign:
        assert probed(tmp_path, ALIVE) == ""
        assert "not there" in probed(tmp_path, READY)
        sign.ready()
        assert probed(tmp_path, READY) == ""
    assert "not there" in probed(tmp_path, READY)


def test_a_part_waits_for_a_prefect_that_is_not_there_yet(tmp_path: Path) -> None:
    """Pods start in any order: it lives, is not ready, and is ended by a signal as always."""
    environment = {
        "PATH": os.environ["PATH"],
        "SLUICE_HOME": str(tmp_path),
        "SLUICE_PREFECT_API_URL": "http://127.0.0.1:9/api",
        "SLUICE_SERVICE_ACCOUNT": str(tmp_path / "none"),
        "SLUICE_KUBECONFIG": str(tmp_path / "kubeconfig"),
    }
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    command = [sys.executable, "-m", "deployments.cli", "worker"]
    with (tmp_path / "out").open("w+") as out:
        part = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            wait_until(lambda: "fails, trying again" in (tmp_path / "out").read_text(), part)
            assert probed(tmp_path, ALIVE) == ""
            assert "not there" in probed(tmp_path, READY)
            part.send_signal(signal.SIGTERM)
            assert part.wait(60) == 0
        finally:
            part.kill()
            part.wait(60)


def wait_until(holds: Callable[[], bool], part: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if holds():
            return
        assert part.poll() is None, "it ended"
        time.sleep(0.1)
    raise AssertionError("it did not come")


async def test_an_event_loop_that_hangs_gives_no_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What carries the runs writes it, nothing next to it."""
    monkeypatch.setattr(alive, "EVERY", 0.01)
    with SignOfLife(tmp_path):
        (tmp_path / ALIVE).unlink()
        time.sleep(0.1)  # noqa: ASYNC251 - the loop hangs
        assert "not there" in probed(tmp_path, ALIVE)
        async with asyncio.timeout(30):
            while probed(tmp_path, ALIVE):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(("age", "code"), [(0, 0), (OLD + 60, 1)])
def test_the_probe_s_exit_code_is_what_the_kubelet_reads(tmp_path: Path, age: float, code: int) -> None:
    """It loads nothing of Prefect or Kubernetes, so that it may be asked often."""
    (tmp_path / ALIVE).touch()
    past = time.time() - age
    os.utime(tmp_path / ALIVE, (past, past))
    command = [sys.executable, "-X", "importtime", "-m", "deployments.tools.alive", ALIVE]
    environment = {"PATH": os.environ["PATH"], "SLUICE_HOME": str(tmp_path)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == code, run.stderr[-500:]
    assert ("s old" in run.stderr) is bool(code)
    assert not [line for line in run.stderr.splitlines() if line.endswith((" prefect", " kubernetes", " httpx"))]
