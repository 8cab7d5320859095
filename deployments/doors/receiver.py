"""Takes webhooks: verify who sent them, make sluice's events of them, hand those to Prefect, then answer 2xx.

A sender repeats what was not answered with 2xx. So 2xx is said only after Prefect has taken the events, and every error
says whether repeating can help: 503 yes, 4xx no. There is one route for each sender in the table that is handed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deployments.doors.room import CLOSE, Room
from deployments.doors.secrets import Secret
from sluice.errors import InvalidError, SluiceError, TerminalError, TransientError
from sluice.events.model import Event
from sluice.events.senders.base import Sender
from sluice.events.verification.base import Verification

RETRY_AFTER = 5
"""Seconds that a sender is asked to wait while Prefect cannot be reached."""
HEALTH = "/healthz"

Post = Callable[[Sequence[Event]], Awaitable[int]]
"""Hands events to Prefect and returns how many were new; raises TransientError while Prefect cannot be reached."""


def application(post: Post, senders: Iterable[Sender], secret: Secret) -> Starlette:
    """The receiver as an ASGI application.

    Args:
        post: where the events go.
        senders: one route for each.
        secret: what each shares with us; a sender without a secret is refused all it sends.

    Raises:
        TerminalError: two senders have one path, or a path is none.
    """
    room = Room()
    used: dict[str, str] = {HEALTH: "the receiver itself"}
    routes = [Route(HEALTH, _healthz, methods=["GET"])]
    for sender in senders:
        if not sender.path.startswith("/") or sender.path in used:
            owner = used.get(sender.path)
            why = f"{owner} has it" if owner else "it must begin with a slash"
            raise TerminalError(
                f"sender {sender.name}: path {sender.path!r} cannot be used ({why}): choose another one"
            )
        used[sender.path] = sender.name
        routes.append(Route(sender.path, _door(sender, post, secret, room), methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={SluiceError: _refusal, HTTPException: _http_error})


def _door(sender: Sender, post: Post, secret: Secret, room: Room) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one sender."""

    async def take(request: Request) -> Response:
        known, way = _known(sender, secret), sender.verification
        if not (way.claims(request.headers) if way.reads_body else way.accepts(request.headers, b"", known)):
            raise _unproven(way)
        body = await room.body(request, sender.limit)
        try:
            if way.reads_body and not way.accepts(request.headers, body, known):
                raise _unproven(way)
            parsed = sender.parse(request.headers, body)
            if parsed.pong:
                return JSONResponse({"pong": parsed.pong})
            new = await post(parsed.events) if parsed.events else 0
            return JSONResponse({"events": len(parsed.events), "new": new}, status_code=202)
        finally:
            room.free(len(body))

    return take


def _known(sender: Sender, secret: Secret) -> str:
    known = secret(sender.secret)
    if known is None or not known.get_secret_value():
        way_out = f"set SLUICE_{sender.secret.upper()}"
        raise HTTPException(401, f"no secret is set for webhooks of {sender.name}: {way_out}")
    return known.get_secret_value()


def _unproven(way: Verification) -> HTTPException:
    challenge = {"WWW-Authenticate": way.challenge} if way.challenge else {}
    return HTTPException(401, way.refusal, headers=CLOSE | challenge)


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
