"""The routes `/slack/interactions` and `/slack/commands`: proven, bounded, and answered within Slack's three seconds.

What was asked is decided before the answer where that takes no longer than usual. Where it does, Slack is answered first
and the person afterwards, at the address that came with the request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.chat.slack import Slack
from deployments.doors.proof import Guard
from deployments.doors.receiver import call_of
from deployments.doors.room import CLOSE
from deployments.doors.slack.desk import Desk, trouble
from deployments.doors.slack.requests import Asking, commanded, pressed
from deployments.doors.slack.signed import SlackSignature
from sluice.errors import SluiceError, TransientError

INTERACTIONS, COMMANDS = "/slack/interactions", "/slack/commands"
LIMIT = 256 * 1024
"""Bytes of one request: a message of 50 blocks comes back with each press."""
ANSWERED_WITHIN = 2.0
"""Seconds after which Slack gets its answer in any case."""
AT_ONCE = 100
"""Requests that are decided at once; who comes on top of them is asked to press again."""
ANSWERS_AT = "hooks.slack.com"
"""The host at which Slack takes answers for single people; no other is ever called."""
log = logging.getLogger("sluice.receiver")
Reads = Callable[[bytes], Asking | None]


@dataclass(slots=True)
class SlackDoor:
    """The two doors.

    Attributes:
        desk: where it is decided; None while there is no way to the cluster.
        slack: to answer people.
        secret: the signing secret of the app.
        answers_at: hosts of `response_url`.
    """

    desk: Callable[[], Desk | None]
    slack: Slack
    secret: str
    signature: SlackSignature = field(default_factory=SlackSignature)
    answers_at: frozenset[str] = frozenset({ANSWERS_AT})
    _under_way: set[asyncio.Task[str]] = field(default_factory=set)

    def routes(self, guard: Guard) -> list[Route]:
        """Both, behind the guard of all doors."""
        return [
            Route(INTERACTIONS, self._taker(guard, pressed, lambda desk: desk.press, says=False), methods=["POST"]),
            Route(COMMANDS, self._taker(guard, commanded, lambda desk: desk.write, says=True), methods=["POST"]),
        ]

    def _taker(
        self, guard: Guard, reads: Reads, act: Callable[[Desk], Callable[..., Awaitable[str]]], *, says: bool
    ) -> Callable[[Request], Awaitable[Response]]:
        async def take(request: Request) -> Response:
            desk = self.desk()
            if desk is None or len(self._under_way) >= AT_ONCE:
                raise HTTPException(503, "not now: press again in a moment", headers=CLOSE | {"Retry-After": "5"})
            try:
                call = await guard.body(request, call_of(request), self.signature, self.secret, LIMIT)
            except HTTPException as error:
                if error.status_code == 401:
                    await desk.trail.forged(f"{request.url.path}: {self.signature.refusal}")
                raise
            try:
                asking, replayed = reads(call.body), self.signature.replayed(call)
            finally:
                guard.free(call)
            if asking is None:
                return Response()
            return await self._answer(asking, act(desk)(asking, replayed=replayed), says=says)

        return take

    async def _answer(self, asking: Asking, deciding: Awaitable[str], *, says: bool) -> Response:
        """Slack's answer; the person hears apart from it what a press comes to."""
        decided = asyncio.ensure_future(_told(deciding))
        self._under_way.add(decided)
        decided.add_done_callback(self._under_way.discard)
        await asyncio.wait({decided}, timeout=ANSWERED_WITHIN)
        if says and decided.done():
            return JSONResponse({"response_type": "ephemeral", "text": decided.result()})
        after = asyncio.create_task(self._tell(asking, decided))
        self._under_way.add(after)
        after.add_done_callback(self._under_way.discard)
        return Response()

    async def _tell(self, asking: Asking, decided: Awaitable[str]) -> str:
        text = await decided
        url = urlsplit(asking.answer_to)
        if url.hostname not in self.answers_at or (url.scheme != "https" and url.hostname == ANSWERS_AT):
            log.warning("slack: nobody can be answered at %s", url.hostname)
            return text
        try:
            await self.slack.whisper(asking.answer_to, text)
        except TransientError as error:
            log.warning("slack: a person did not get %r: %s", text, error)
        return text


async def _told(deciding: Awaitable[str]) -> str:
    """What was decided, or why nothing could be."""
    try:
        return await deciding
    except SluiceError as error:
        log.warning("slack: nothing could be decided: %s", error)
        return trouble(error)
    except Exception:
        log.exception("slack: deciding broke")
        return "Nothing was done: the receiver of sluice broke; its log says why"
