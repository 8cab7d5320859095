"""Asks the real load tester of Flagger, next to it in a network of its own, and prints what it answered as JSON.

It listens on all addresses and runs what it is sent: `unshare --net` keeps both from all else on this machine.
`python -m tests.blocks.gates.load_tester_story LOADTESTER HEY`
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from blocks.gates.http import webhook_client
from blocks.gates.table import Gates
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from tests.samples import canary

PORT = 9090
URL = f"http://127.0.0.1:{PORT}"
WHICH = {"name": "shop", "namespace": "shop-test"}
API = [
    (f"/{kind}/{verb}", WHICH) for kind in ("gate", "rollback") for verb in ("check", "open", "check", "close", "check")
]
API += [("/gate/approve", WHICH), ("/gate/halt", WHICH)]
RAW = [("/gate/check", b"{"), ("/gate/open", b""), ("/rollback/close", b"[]")]
TASKS = {
    "a command that is started": {"cmd": f"HEY -n 5 -c 1 {URL}/healthz"},
    "bash that ends well": {"type": "bash", "cmd": "exit 0"},
    "bash that fails": {"type": "bash", "cmd": "exit 3"},
    "no such task": {"type": "nothing"},
}


async def api(http: httpx.AsyncClient, base: str, **headers: str) -> list[list[Any]]:
    """What the gate API answers to a script's calls, one after the other."""
    calls: list[tuple[str, bytes]] = [(path, json.dumps(body).encode()) for path, body in API]
    answers = [await http.post(base + path, content=body, headers=headers) for path, body in [*calls, *RAW]]
    return [[one.status_code, one.text if one.status_code != 400 else ""] for one in answers]


async def hooks(hey: str) -> dict[str, list[Any]]:
    """What webhooks of each kind of task come to, by our own client."""
    async with webhook_client() as http:
        gates, said = Gates(http), {}
        for name, metadata in TASKS.items():
            sent = {key: value.replace("HEY", hey) for key, value in metadata.items()}
            answer = await gates.ask(CanaryWebhook(name="load", url=f"{URL}/", metadata=sent), canary())
            said[name] = [answer.open, answer.said]
        return said


async def answered(hey: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as http:
        for _ in range(200):
            try:
                await http.get(f"{URL}/healthz")
                break
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
        return {"api": await api(http, URL), "hooks": await hooks(hey)}


def main(load_tester: str, hey: str) -> None:
    """In a network of its own, whose loopback is still down."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    log = Path(os.environ.get("LOAD_TESTER_LOG", os.devnull))
    with log.open("w") as out, subprocess.Popen([load_tester, "-port", str(PORT)], stdout=out, stderr=out) as server:
        try:
            print(json.dumps(asyncio.run(answered(hey))))
        finally:
            server.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
