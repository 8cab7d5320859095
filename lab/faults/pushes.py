"""Pushes of images that nobody's policy wants, sent to the receiver as a registry sends them: again until it says yes."""

from __future__ import annotations

import asyncio
import random
import time

import httpx

from lab.faults.installed.installation import Installation
from lab.faults.plan import Plan
from lab.ports import HOST

MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json"
AGAIN_S = 1.0
TELLS_FOR_S = 60.0


class Pushes:
    """The registry of one round."""

    def __init__(self, installation: Installation, plan: Plan) -> None:
        self._url = f"http://{HOST}:{installation.receiver_port}/registry"
        self._headers = {"Authorization": f"Bearer {installation.registry_token}"}
        self._plan = plan
        self._dice = random.Random(f"{plan.seed}/{plan.number}/pushes")
        self.accepted: list[tuple[float, str]] = []
        self._stopping = asyncio.Event()

    async def go_on(self) -> None:
        """Push every few seconds until `stop`."""
        number = 0
        while not self._stopping.is_set():
            number += 1
            await self._tell(f"p{self._plan.seed}-{self._plan.number}-{number}")
            try:
                async with asyncio.timeout(self._dice.uniform(4, 9)):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    async def stop(self, going_on: asyncio.Task[None]) -> None:
        """End, once the last push was accepted or given up."""
        self._stopping.set()
        await going_on

    async def _tell(self, tag: str) -> None:
        body = {
            "events": [
                {
                    "id": f"delivery-{tag}",
                    "action": "push",
                    "target": {
                        "mediaType": "application/vnd.oci.image.manifest.v1+json",
                        "repository": "nobody/wants",
                        "tag": tag,
                        "digest": "sha256:" + "0" * 64,
                    },
                    "request": {"host": "registry.test"},
                }
            ]
        }
        end = asyncio.get_running_loop().time() + TELLS_FOR_S
        async with httpx.AsyncClient(trust_env=False, timeout=5, headers=self._headers) as http:
            while asyncio.get_running_loop().time() < end:
                try:
                    answer = await http.post(self._url, json=body, headers={"Content-Type": MEDIA_TYPE})
                    if answer.is_success:
                        self.accepted.append((time.time(), tag))
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(AGAIN_S)
