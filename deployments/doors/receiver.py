"""Takes the outside world's webhooks: check who speaks, make sluice's events of it, hand them to Prefect, then say yes.

A sender tells again what was not answered with 2xx. So a yes is said only after Prefect has taken the events, and every
error says whether telling again can help: 503 yes, 4xx no.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sluice.errors import InvalidError, SluiceError, TransientError
from sluice.events.model import Event
from sluice.events.senders import distribution as registry
from sluice.events.senders import github

REGISTRY_LIMIT = 1024 * 1024
GITHUB_LIMIT = 25 * 1024 * 1024
"""Bytes of body that are read at most. 25 MiB is what GitHub promises not to exceed."""
RETRY_AFTER = 5
"""Seconds that a sender is asked to wait while Prefect cannot be reached."""

Post = Callable[[Sequence[Event]], Awaitable[int]]
"""Hands events to Prefect and returns how many were new; raises TransientError while Prefect cannot be reached."""


def application(post: Post, *, registry_token: SecretStr | None, github_secret: SecretStr | None) -> Starlette:
    """The receiver as an ASGI application.

    Args:
        post: where the events go.
        registry_token: bearer token of registry notifications; None refuses them all.
        github_secret: secret of the GitHub webhook; None refuses them all.
    """

    async def from_registry(request: Request) -> Response:
        _check_bearer(request, registry_token)
        events = registry.images_pushed(_parsed(await _body(request, REGISTRY_LIMIT)))
        return await _answer(events)

    async def from_github(request: Request) -> Response:
        body = await _body(request, GITHUB_LIMIT)
        _check_signature(request, body, github_secret)
        kind, delivery = _header(request, "X-GitHub-Event"), _header(request, "X-GitHub-Delivery")
        if kind == "ping":
            return JSONResponse({"pong": delivery})
        return await _answer(github.from_webhook(kind, delivery, _parsed(body)))

    async def _answer(events: Sequence[Event]) -> Response:
        new = await post(events) if events else 0
        return JSONResponse({"events": len(events), "new": new}, status_code=202)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/registry", from_registry, methods=["POST"]),
            Route("/github", from_github, methods=["POST"]),
            Route("/healthz", healthz, methods=["GET"]),
        ],
        exception_handlers={SluiceError: _refusal, HTTPException: _http_error},
    )


async def _refusal(_request: Request, error: Exception) -> Response:
    if isinstance(error, InvalidError):
        return JSONResponse({"error": str(error)}, status_code=400)
    # Prefect away, or refusing what we made: the sender is right, so it should tell again rather than drop it.
    wait = error.retry_after if isinstance(error, TransientError) and error.retry_after else RETRY_AFTER
    return JSONResponse({"error": str(error)}, status_code=503, headers={"Retry-After": str(max(1, round(wait)))})


async def _http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"error": error.detail}, status_code=error.status_code, headers=error.headers)


async def _body(request: Request, limit: int) -> bytes:
    """The raw body. The limit is held while reading: a length that is missing or untrue does not get around it."""
    if int(request.headers.get("Content-Length") or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect as error:
        raise InvalidError("body: the sender hung up before it ended") from error
    return bytes(body)


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"body: at most {limit} bytes", headers={"Connection": "close"})


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"body: no JSON ({str(error)[:120]}); choose content type application/json") from error


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name)
    if not value:
        raise InvalidError(f"header {name}: missing")
    return value


def _check_bearer(request: Request, token: SecretStr | None) -> None:
    if token is None:
        raise HTTPException(401, "no token is set for registry notifications: set SLUICE_REGISTRY_TOKEN")
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {token.get_secret_value()}"
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise HTTPException(401, "Authorization: wrong or missing bearer token", headers={"WWW-Authenticate": "Bearer"})


def _check_signature(request: Request, body: bytes, secret: SecretStr | None) -> None:
    if secret is None:
        raise HTTPException(401, "no secret is set for GitHub's webhooks: set SLUICE_GITHUB_SECRET")
    given = request.headers.get("X-Hub-Signature-256", "")
    wanted = "sha256=" + hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise HTTPException(401, "X-Hub-Signature-256: wrong or missing signature of the body")
