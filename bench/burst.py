"""Many images pushed at once: how long until each has its delivery, on the embedded server with SQLite."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from lab import environment
from lab.paths import LabPaths

PUSHES = 500
READY_WITHIN_S, DONE_WITHIN_S = 120.0, 900.0
MOST_TRIES = 100
TOKEN = "burst"  # noqa: S105 - of a receiver that lives for this measure


def measure(pushes: int = PUSHES) -> dict[str, Any]:
    """Seconds from the first notification: until a push was accepted, its run was there, it began, it ended."""
    env = environment.read(LabPaths())
    with tempfile.TemporaryDirectory() as folder:
        prefect, receiver = _free_port(), _free_port()
        settings = {
            "HOME": folder,
            "PREFECT_PORT": str(prefect),
            "RECEIVER_PORT": str(receiver),
            "KUBECONFIG": env["kubeconfig"],
            "CONTEXT": env["context"],
            "NAMESPACES": "default",  # and nobody else's Canaries: this is about deliveries
            "REGISTRY_TOKEN": TOKEN,
        }
        variables = {**os.environ, **{f"SLUICE_{key}": str(value) for key, value in settings.items()}}
        with (Path(folder) / "up.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "deployments.cli", "up"], env=variables, stdout=log, stderr=log
            )
        try:
            return asyncio.run(_burst(pushes, prefect, receiver))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


async def _burst(pushes: int, prefect: int, receiver: int) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as http:
        await _ready(http, f"http://127.0.0.1:{receiver}/healthz")
        tags = [uuid4().hex for _ in range(pushes)]
        began, refused = time.time(), Counter[int]()
        accepted = await asyncio.gather(*(_tell(http, receiver, tag, refused) for tag in tags))
        runs = await _ended(http, f"http://127.0.0.1:{prefect}/api", set(tags))
    return {
        "accepted": _spread([at - began for at in accepted]),
        "run created": _spread([_at(run["created"]) - began for run in runs]),
        "run began": _spread([_at(run["start_time"]) - began for run in runs]),
        "run ended": _spread([_at(run["end_time"]) - began for run in runs]),
        "runs": {"pushes": pushes, "runs": len(runs), "answered 503": refused[503], "not answered": refused[0]},
    }


async def _ready(http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            try:
                if (await http.get(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)


async def _tell(http: httpx.AsyncClient, receiver: int, tag: str, refused: Counter[int]) -> float:
    target = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "repository": "nobody-wants-this", "tag": tag}
    push = {"id": str(uuid4()), "action": "push", "request": {"host": "127.0.0.1:1"}}
    body = {"events": [push | {"target": target | {"digest": f"sha256:{tag * 2}"}}]}
    for _ in range(MOST_TRIES):
        try:
            answer = await http.post(
                f"http://127.0.0.1:{receiver}/registry", json=body, headers={"Authorization": f"Bearer {TOKEN}"}
            )
            if answer.status_code == 202:
                return time.time()
            refused[answer.status_code] += 1
        except httpx.TransportError:
            refused[0] += 1
        await asyncio.sleep(1)
    raise TimeoutError(f"{tag} was never accepted")


async def _ended(http: httpx.AsyncClient, api: str, tags: set[str]) -> list[dict[str, Any]]:
    """All runs for these tags, once every tag has one that ended."""
    asked = {"flows": {"name": {"any_": ["deliver_image"]}}, "limit": 200, "sort": "START_TIME_ASC"}
    async with asyncio.timeout(DONE_WITHIN_S):
        while True:
            await asyncio.sleep(3)
            runs: dict[str, dict[str, Any]] = {}
            offset = 0
            while page := (await http.post(f"{api}/flow_runs/filter", json=asked | {"offset": offset})).json():
                runs |= {run["id"]: run for run in page if run["parameters"]["tag"] in tags}
                offset += len(page)
            if {run["parameters"]["tag"] for run in runs.values() if run["end_time"]} == tags:
                return list(runs.values())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _at(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "min_s": round(min(values), 2),
        "median_s": round(statistics.median(values), 2),
        "max_s": round(max(values), 2),
        "n": len(values),
    }
