"""Bodies of deliveries, read within bounds of bytes and time, of one and of all together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from sluice.errors import InvalidError

IN_FLIGHT = 64 * 1024**2
"""Bytes of all bodies that are being read or handled: a few of the largest, and thousands of usual ones."""
BODY_WITHIN = 30.0
"""Seconds in which a body must be there."""
CLOSE = {"Connection": "close"}


@dataclass(slots=True)
class Room:
    """What is left of the receiver's memory.

    Attributes:
        most: bytes of all bodies at once.
        taken: bytes that are held now.
    """

    most: int = IN_FLIGHT
    taken: int = 0

    async def body(self, request: Request, limit: int) -> bytes:
        """The raw body, which is held until `free` is called. The limits are held while reading: a length that is missing or
        untrue does not get around them.

        Raises:
            HTTPException: 413 beyond the limit of one body, 408 when it takes too long, 503 when there is no room for it.
            InvalidError: the sender hung up.
        """
        if int(request.headers.get("Content-Length") or 0) > limit:
            raise _too_large(limit)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_WITHIN):
                async for chunk in request.stream():
                    body += chunk
                    self.taken += len(chunk)
                    if len(body) > limit:
                        raise _too_large(limit)
                    if self.taken > self.most:
                        raise HTTPException(503, "too many deliveries at once", headers=CLOSE | {"Retry-After": "5"})
        except TimeoutError as error:
            self.free(len(body))
            why = f"body: not there within {BODY_WITHIN:g} s"
            raise HTTPException(408, why, headers=CLOSE) from error
        except ClientDisconnect as error:
            self.free(len(body))
            raise InvalidError("body: the sender hung up before it ended") from error
        except BaseException:
            self.free(len(body))
            raise
        return bytes(body)

    def free(self, size: int) -> None:
        """Give so many bytes back."""
        self.taken -= size


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"body: at most {limit} bytes", headers=CLOSE)
