"""The door of every Receiver: find whose address it is, verify, and ask its resources to be reconciled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.doors.hooks.asking import ask
from deployments.doors.hooks.follow import Hooks
from deployments.doors.proof import Guard
from deployments.doors.room import CLOSE
from sluice.events.call import Call
from sluice.manifests.flux.receiver import HOOK

NOWHERE = "no Receiver has this address: see status.webhookPath"
RETRY_AFTER = "30"


def hook_route(hooks: Callable[[], Hooks | None], guard: Guard) -> Route:
    """The route of all Receivers; `hooks` are those of now, None while there is no cluster."""
    return Route(HOOK + "{digest}", _door(hooks, guard), methods=["POST"])


def _door(hooks: Callable[[], Hooks | None], guard: Guard) -> Callable[[Request], Awaitable[Response]]:
    async def take(request: Request) -> Response:
        known, digest = hooks(), str(request.path_params["digest"])
        hook = await known.at(digest) if known else None
        if known is None or hook is None:
            raise HTTPException(404, NOWHERE, headers=CLOSE)
        receiver = hook.receiver
        if receiver.spec.suspend:
            raise HTTPException(503, f"{receiver} is suspended", headers=CLOSE | {"Retry-After": RETRY_AFTER})
        call = Call(request.headers, datetime.now(UTC), query=request.query_params, token=digest)
        call = await guard.body(request, call, hook.type.verification, hook.known, hook.type.limit)
        try:
            if not hook.type.chosen(call, receiver.spec.events):
                return JSONResponse({"asked": [], "ignored": call.headers.get(hook.type.event, "")}, status_code=202)
            asked = await ask(known.cluster, known.tenants, receiver, call.at, partial(hook.type.seen, call))
        finally:
            guard.free(call)
        status = 422 if asked.faults and not asked.objects else 202
        faults = {"faults": list(asked.faults)} if asked.faults else {}
        return JSONResponse({"asked": list(asked.objects)} | faults, status_code=status)

    return take
