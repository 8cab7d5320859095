"""The proof of a delivery: what needs no body is looked at first, and keys are fetched where the sender has some."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.exceptions import HTTPException
from starlette.requests import Request

from deployments.doors.keys import KEPT_FOR, NEWER_AFTER, Keys
from deployments.doors.room import CLOSE, Room
from sluice.errors import ForbiddenError
from sluice.events.call import Call
from sluice.events.verification.base import Verification


@dataclass(frozen=True, slots=True)
class Guard:
    """What stands before every door: it lets in what is proven, and holds its body within the room.

    Attributes:
        room: for all bodies.
        keys: of senders that sign with keys of their own.
    """

    room: Room
    keys: Keys

    async def body(self, request: Request, call: Call, way: Verification, known: str, limit: int) -> Call:
        """The call with its body, which is held until `free`.

        Raises:
            HTTPException: 401 where it is not proven: the body of one that cannot be is never read. 403 where it is, and its
                sender may not do this.
        """
        if not way.claims(call):
            raise unproven(way)
        if not way.reads_body:
            await self._prove(call, way, known)
        whole = replace(call, body=await self.room.body(request, limit))
        try:
            if way.reads_body:
                await self._prove(whole, way, known)
        except BaseException:
            self.free(whole)
            raise
        return whole

    def free(self, call: Call) -> None:
        """Give the room of its body back."""
        self.room.free(len(call.body))

    async def _prove(self, call: Call, way: Verification, known: str) -> None:
        place = way.keys_at(call)
        for oldest in (KEPT_FOR, NEWER_AFTER) if place else (0.0,):
            # A key that we do not know may be one that the sender has since then.
            keys = await self.keys.at(place, oldest) if place else b""
            try:
                if way.accepts(call, known, keys):
                    return
            except ForbiddenError as error:
                raise HTTPException(403, str(error), headers=CLOSE) from error
        raise unproven(way)


def unproven(way: Verification) -> HTTPException:
    """The answer to a delivery without proof."""
    challenge = {"WWW-Authenticate": way.challenge} if way.challenge else {}
    return HTTPException(401, way.refusal, headers=CLOSE | challenge)
