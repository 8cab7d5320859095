"""Connections to the receiver: so many at once, and none that only waits.

A sender that stops in the middle of its headers, or opens connections and sends nothing, would keep a descriptor each.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 512
"""Most connections at once; further ones are closed, and their senders come again."""
HEADERS_WITHIN = 10.0
"""Seconds in which a connection must have sent the headers of a request, the first or the next one."""


class BoundedConnection(H11Protocol):
    """One connection of uvicorn's, which is closed when it is one too many or carries no request for too long."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it."""
        super().connection_made(transport)
        self._idle = 0
        if len(self.connections) > CONNECTIONS:
            transport.close()
        else:
            self._look()

    def _look(self) -> None:
        """Two looks in a row without a request under way end it."""
        if self.transport.is_closing():
            return
        waits = self.cycle is None or self.cycle.response_complete
        self._idle = self._idle + 1 if waits else 0
        if self._idle > 2:
            self.transport.close()
        else:
            self.loop.call_later(HEADERS_WITHIN / 2, self._look)
