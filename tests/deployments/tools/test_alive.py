"""The sign of life that a pod's probes look at."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployments.tools import alive
from deployments.tools.alive import ALIVE, OLD, READY, SignOfLife, probed

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
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == code, run.stderr[-500:]
    assert ("s old" in run.stderr) is bool(code)
    assert not [line for line in run.stderr.splitlines() if line.endswith((" prefect", " kubernetes", " httpx"))]
