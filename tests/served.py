"""ASGI applications behind a real port, for the duration of a block."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn


@asynccontextmanager
async def served(app: Any, address: str = "127.0.0.1") -> AsyncIterator[str]:
    """An ASGI application on a port of its own."""
    with socket.create_server((address, 0)) as port:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[port]))
        try:
            yield f"http://{address}:{port.getsockname()[1]}"
        finally:
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await running
