"""A stage of one's own: requests that warm the canary's caches up, sent to its Service before the first user meets it.

A Canary that wants it has the annotation `warm-up.example.dev/path`, and `warm-up.example.dev/requests` for how many (20).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx

from sluice.errors import InvalidError
from sluice.manifests.flagger.side import Side
from sluice.rollout.decision import Action, Decision
from sluice.rollout.result import StageResult
from sluice.rollout.services import service_of
from tasks.rollout.table import OwnStage
from tasks.scene.rollout_ref import RolloutRef, Scene
from tasks.stage import stage

ADDRESS = "http://{service}.{namespace}.svc:{port}"
PATH, REQUESTS = "warm-up.example.dev/path", "warm-up.example.dev/requests"
MOST, AT_ONCE, TIMEOUT, WITHIN = 500, 5, 5.0, 60.0


@stage("warm up", run_name="warm up {ref}")
async def warm_up(ref: RolloutRef, decision: Decision) -> StageResult:
    """Warm up; the release goes on when anything answered. It may be repeated at any time."""
    scene = await Scene.of(ref)
    scene.check_current(ref)
    canary, asked = scene.canary, scene.canary.metadata.annotations
    if PATH not in asked or await scene.router.weight(canary):
        return StageResult()  # nobody wants it, or users are on the canary already
    count = asked.get(REQUESTS, "20")
    if not count.isdecimal() or not 1 <= int(count) <= MOST:
        raise InvalidError(f"{canary}: annotation {REQUESTS} is {count!r}: write a number from 1 to {MOST}")
    service, port = service_of(canary, Side.CANARY), canary.spec.service.port
    url = ADDRESS.format(service=service, namespace=canary.namespace, port=port) + asked[PATH]
    answered = await _send(url, int(count))
    return StageResult(fault="" if answered else f"none of {count} requests to warm {url} up was answered")


async def _send(url: str, count: int) -> int:
    """How many requests were answered within the time that there is."""
    answers: list[int] = []
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(timeout=httpx.Timeout(TIMEOUT, pool=WITHIN), limits=limits, trust_env=False) as http:

        async def send() -> None:
            with suppress(httpx.HTTPError):
                async with http.stream("GET", url) as answer:  # its body is of no interest, however large
                    answers.append(answer.status_code)

        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                await asyncio.gather(*(send() for _ in range(count)))
    return sum(status < 500 for status in answers)


STAGE = OwnStage(Action.SHIFT, warm_up)
