"""Takes webhooks: verify who sent them, make sluice's events of them, hand those to Prefect, then answer 2xx.

A sender repeats what was not answered with 2xx. So 2xx is said only after Prefect has taken the events, and every error
says whether repeating can help: 503 yes, 4xx no. There is one route for each sender in the table that is handed in.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.doors.keys import Keys
from deployments.doors.proof import Guard
from deployments.doors.room import Room
from deployments.doors.secrets import Secret
from sluice.errors import InvalidError, SluiceError, TerminalError, TransientError
from sluice.events.call import Call
from sluice.events.model import Event
from sluice.events.senders.base import Parsed, Sender

RETRY_AFTER = 5
"""Seconds that a sender is asked to wait while Prefect cannot be reached."""
HEALTH = "/healthz"
TOKEN = "token"  # noqa: S105 - the name of a part of a path
log = logging.getLogger("sluice.receiver")

Post = Callable[[Sequence[Event]], Awaitable[int]]
"""Hands events to Prefect and returns how many were new; raises TransientError while Prefect cannot be reached."""
Door = Callable[[Request], Awaitable[Response]]


def application(
    post: Post,
    senders: Iterable[Sender],
    secret: Secret,
    keys: Keys | None = None,
    others: Callable[[Guard], Iterable[Route]] = lambda _: (),
) -> Starlette:
    """The receiver as an ASGI application.

    Args:
        post: where the events go.
        senders: one route for each.
        secret: what each shares with us; a sender without a secret is refused all it sends.
        keys: of senders that sign with keys of their own.
        others: further doors, behind the same guard.

    Raises:
        TerminalError: two senders have one path, or a path is none.
    """
    guard = Guard(Room(), keys or Keys())
    used: dict[str, str] = {HEALTH: "the receiver itself"}
    routes = [Route(HEALTH, _healthz, methods=["GET"]), *others(guard)]
    for sender in senders:
        if not sender.path.startswith("/") or sender.path in used:
            owner = used.get(sender.path)
            why = f"{owner} has it" if owner else "it must begin with a slash"
            raise TerminalError(
                f"sender {sender.name}: path {sender.path!r} cannot be used ({why}): choose another one"
            )
        used[sender.path] = sender.name
        routes.append(Route(sender.path, _door(sender, post, secret, guard), methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={SluiceError: _refusal, HTTPException: _http_error})


def call_of(request: Request) -> Call:
    """A request as the rules know it, without its body."""
    token = str(request.path_params.get(TOKEN, ""))
    return Call(request.headers, datetime.now(UTC), query=request.query_params, token=token)


def _door(sender: Sender, post: Post, secret: Secret, guard: Guard) -> Door:
    """The endpoint of one sender."""

    async def take(request: Request) -> Response:
        known = _known(sender, secret)
        call = await guard.body(request, call_of(request), sender.verification, known, sender.limit)
        try:
            parsed = sender.parse(call)
            return await answered(sender.name, parsed, post, guard)
        finally:
            guard.free(call)

    return take


async def answered(name: str, parsed: Parsed, post: Post, guard: Guard) -> Response:
    """The answer to a delivery, once Prefect has what it means."""
    if parsed.pong:
        return JSONResponse({"pong": parsed.pong})
    if parsed.answer is not None:
        return JSONResponse(dict(parsed.answer))
    if parsed.confirm:
        await guard.keys.fetch(parsed.confirm)
        log.info("%s: its subscription is confirmed", name)
        return JSONResponse({"confirmed": True})
    for why in parsed.refused:
        log.warning("%s: part of a delivery is not taken: %s", name, why)
    new = await post(parsed.events) if parsed.events else 0
    refused = {"refused": list(parsed.refused)} if parsed.refused else {}
    return JSONResponse({"events": len(parsed.events), "new": new} | refused, status_code=202)


def _known(sender: Sender, secret: Secret) -> str:
    known = secret(sender.secret)
    if known is None or not known.get_secret_value():
        way_out = f"set SLUICE_{sender.secret.upper()}"
        raise HTTPException(401, f"no secret is set for webhooks of {sender.name}: {way_out}")
    # A Secret made of a file often ends in a line feed, which no sender's settings can have: it would never match.
    return known.get_secret_value().strip("\r\n")


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refusal(_request: Request, error: Exception) -> Response:
    if isinstance(error, InvalidError):
        return JSONResponse({"error": str(error)}, status_code=400)
    # Prefect away, or refusing what we made: the sender is right, so it should repeat it rather than drop it.
    wait = error.retry_after if isinstance(error, TransientError) and error.retry_after else RETRY_AFTER
    return JSONResponse({"error": str(error)}, status_code=503, headers={"Retry-After": str(max(1, round(wait)))})


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)
