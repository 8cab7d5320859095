"""What a request to the server is spared on its way through: private parts of Prefect's application, for one version.

`tests/deployments/server/test_requests.py` fails when one of these parts changes.
"""

from __future__ import annotations

from typing import Any

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

WORTH_PACKING = 16 * 1024
"""Bytes of an answer from which on it is sent compressed. A run is two thousand, and its worker is near."""
TYPE, LENGTH = b"content-type", b"content-length"


class DefaultContentType:
    """Names the type of a body that has none, as Prefect's own does for clients of long ago.

    Prefect's is made of a function, for which starlette starts a task and a channel of messages for each request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in {"POST", "PUT", "PATCH"}:
            given = dict(scope["headers"])
            if TYPE not in given and int(given.get(LENGTH, b"0")) > 0:
                scope["headers"] = [*scope["headers"], (TYPE, b"application/json")]
        await self._app(scope, receive, send)


def shorten_the_way(api: Any) -> None:
    """Put the quicker parts into Prefect's application, before its first request."""
    for at, part in enumerate(api.user_middleware):
        dispatch = part.kwargs.get("dispatch")
        if dispatch is not None and dispatch.__name__ == "default_content_type":
            api.user_middleware[at] = Middleware(DefaultContentType)
        elif part.cls is GZipMiddleware:
            api.user_middleware[at] = Middleware(GZipMiddleware, minimum_size=WORTH_PACKING)
