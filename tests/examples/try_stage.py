"""The stage of examples/stage, installed: its row, and releases on a cluster in memory that are warmed up, or cannot be."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack

import warm_up
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.installed import own_stages
from flows import roll_out as story
from sluice.rollout.decision import Outcome
from tasks.rollout import finalise, initialise, promote, roll_back
from tasks.rollout.table import with_own_stages
from tests.connected import connected
from tests.flows.test_roll_out_stopped import NEW, World, one_run
from tests.samples import NAME, NAMESPACE, merged
from tests.served import served


async def released(annotations: dict[str, str]) -> tuple[Outcome, list[str], str]:
    """How a release ends, what was done to users' traffic and by the stage in which order, and what people read."""
    world = World(stops_at=0)
    before = world.cluster.now("Canary", NAME, NAMESPACE)
    world.cluster.add(merged(before, {"metadata": {"annotations": annotations}}))
    acts = world.cluster.acts

    async def answer(request: Request) -> Response:
        acts.append(f"asked for {request.url.path}")
        return PlainTextResponse("warm", status_code=500 if request.url.path == "/broken" else 200)

    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(served(Starlette(routes=[Route("/{path:path}", answer)])))
        warm_up.ADDRESS = url
        await stack.enter_async_context(connected(world.cluster, "worker", **world.parts()))
        await one_run("initialise")
        world.push(NEW)
        acts.clear()
        with with_own_stages(own_stages()):
            outcome = await one_run("release")
    (promoted,) = world.cluster.now("Canary", NAME, NAMESPACE)["status"]["conditions"]
    shown = [one for one in acts if one.startswith(("asked", "patch HTTPRoute"))]
    return outcome, shown, promoted["message"]


async def main() -> None:
    story.PAUSE = 0
    story.get_run_logger = lambda: logging.getLogger("test")  # type: ignore[assignment]
    for module in (roll_back, finalise, initialise, promote):
        module.DRAIN = 0  # type: ignore[attr-defined]
    assert warm_up.ADDRESS.format(service="a", namespace="b", port=80) == "http://a.b.svc:80"
    wanted = {"warm-up.example.dev/path": "/warm", "warm-up.example.dev/requests": "7"}
    outcome, acts, _ = await released(wanted)
    assert outcome is Outcome.PROMOTED
    assert acts[:8] == ["asked for /warm"] * 7 + ["patch HTTPRoute shop"]
    assert acts.count("asked for /warm") == 7, "warmed up under traffic"
    outcome, acts, _ = await released({})
    assert (outcome, acts[0]) == (Outcome.PROMOTED, "patch HTTPRoute shop")
    for changed, reason in (
        ({"warm-up.example.dev/path": "/broken"}, "none of 7 requests"),
        ({"warm-up.example.dev/requests": "100000"}, "write a number from 1 to 500"),
    ):
        outcome, acts, message = await released({**wanted, **changed})
        assert outcome is Outcome.ROLLED_BACK
        assert reason in message, message
        assert "patch HTTPRoute shop" not in acts


if __name__ == "__main__":
    asyncio.run(main())
