"""Several worker processes side by side on one server: each run once, and none lost with the worker that carried it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import NAMESPACE
from tests.deployments.conftest import HOLD, PATIENCE, Runtime

pytestmark = pytest.mark.lab
CHECKOUT = Path(__file__).resolve().parents[3]


class Processes:
    """`sluice worker` processes, each with a home of its own as on machines of their own."""

    def __init__(self, sut: Runtime, env: dict[str, Any], namespace: str, folder: Path) -> None:
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "SAMPLE_NOTES": str(folder / "notes.jsonl"),
            "SLUICE_PREFECT_API_URL": sut.settings.api_url,
            "SLUICE_WORK_POOL": sut.settings.work_pool,
            "SLUICE_KUBECONFIG": env["kubeconfig"],
            "SLUICE_CONTEXT": env["context"],
            "SLUICE_NAMESPACES": namespace,
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    async def start(self, name: str) -> None:
        log = self._folder / f"{name}.log"
        self._begin(name, log)
        async with asyncio.timeout(PATIENCE):
            while "pool" not in log.read_text():
                assert self.running[name].poll() is None, log.read_text()[-1000:]
                await asyncio.sleep(0.05)

    def _begin(self, name: str, log: Path) -> None:
        own = {"SLUICE_HOME": str(self._folder / name), "SLUICE_WORKER_NAME": name}
        command = [sys.executable, "-m", "deployments.cli", "worker"]
        with log.open("wb") as out:
            self.running[name] = subprocess.Popen(
                command, env=self._environment | own, cwd=CHECKOUT, stdout=out, stderr=out
            )

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running.pop(name).wait(PATIENCE)

    def notes(self, event: str) -> list[dict[str, Any]]:
        file = self._folder / "notes.jsonl"
        notes = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [note for note in notes if note["event"] == event]

    def enough(self) -> None:
        (self._folder / "enough").touch()


@asynccontextmanager
async def workers(sut: Runtime, env: dict[str, Any], folder: Path) -> AsyncIterator[Processes]:
    namespace = f"workers-{uuid4().hex[:6]}"
    cluster = await Cluster.connect(env["kubeconfig"], env["context"])
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    it = Processes(sut, env, namespace, folder)
    try:
        yield it
    finally:
        for process in it.running.values():
            process.terminate()
        for process in it.running.values():
            process.wait(PATIENCE)
        await cluster.delete(NAMESPACE, namespace)
        await cluster.close()


async def test_each_run_once_and_those_of_a_killed_worker_go_on_in_the_other(
    sut: Runtime, lab_env: dict[str, Any], tmp_path: Path
) -> None:
    """Two processes, twenty runs: each is started once; kill -9 of one: its runs are started once more, in the other."""
    names = {f"run-{index}" for index in range(20)}
    async with workers(sut, lab_env, tmp_path) as it:
        await asyncio.gather(it.start("one"), it.start("two"))
        runs = [await sut.start(HOLD, name=name) for name in sorted(names)]
        await sut.until(lambda: {note["name"] for note in it.notes("started")} == names)
        assert Counter(note["name"] for note in it.notes("started")) == dict.fromkeys(names, 1)
        victim = it.running["one"].pid
        lost = {note["name"] for note in it.notes("started") if note["pid"] == victim}
        it.kill("one")
        await sut.until(lambda: {n["name"] for n in it.notes("started") if n["pid"] != victim} == names)
        it.enough()
        for run in runs:
            await sut.until_state(run, "Completed")
        assert Counter(note["name"] for note in it.notes("started")) == {
            name: 2 if name in lost else 1 for name in names
        }
