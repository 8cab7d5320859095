"""The doors `/gate/…` and `/rollback/…`: bodies and status codes are those of Flagger's load tester (pkg/loadtester).

Anybody who reaches them may ask; to open or close, a token is needed: `Authorization: Bearer TOKEN`, the password of a basic
login (`http://alice:TOKEN@…`, whose user is who is remembered), or `?token=TOKEN` in the address.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from blocks.gates.switches import Switches
from deployments.doors.room import CLOSE, Room
from sluice.errors import SluiceError
from sluice.gates.switches import Change, Switch

LIMIT = 64 * 1024
"""Bytes of a question at most."""
UNKNOWN = "unnamed"
log = logging.getLogger("sluice.gates")


class Question(BaseModel):
    """Which Canary it is about. Whatever else Flagger's payload has is let be."""

    model_config = ConfigDict(extra="ignore")
    name: str = Field(min_length=1, max_length=253)
    namespace: str = Field(min_length=1, max_length=63)


@dataclass(frozen=True, slots=True)
class Doors:
    """The doors of one process.

    Attributes:
        switches: those of now; None while there is no way to the cluster.
        token: who shows it may open and close.
        room: for bodies.
    """

    switches: Callable[[], Switches | None]
    token: SecretStr
    room: Room

    def routes(self) -> list[Route]:
        """Every path of the load tester's gate API."""
        doors: dict[str, Callable[[Request], Awaitable[Response]]] = {
            "/gate/approve": _always(200, "OK"),
            "/gate/halt": _always(403, "Forbidden"),
        }
        for kind in ("gate", "rollback"):
            doors[f"/{kind}/check"] = self._check(kind)
            doors[f"/{kind}/open"] = self._change(kind, opens=True)
            doors[f"/{kind}/close"] = self._change(kind, opens=False)
        return [Route(path, door, methods=["POST"]) for path, door in doors.items()]

    def _check(self, kind: str) -> Callable[[Request], Awaitable[Response]]:
        async def check(request: Request) -> Response:
            switch = await self._switch(kind, request)
            try:
                opened = await self._there().is_open(switch)
            except SluiceError as error:
                raise _away(str(error)) from error
            return PlainTextResponse("Approved") if opened else PlainTextResponse("Forbidden", 403)

        return check

    def _change(self, kind: str, *, opens: bool) -> Callable[[Request], Awaitable[Response]]:
        async def change(request: Request) -> Response:
            by = self._shown(request)
            switch = await self._switch(kind, request)
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            try:
                await self._there().change(switch, Change(open=opens, by=by, at=at))
            except SluiceError as error:
                raise _away(str(error)) from error
            log.info("%s: %s by %s", switch, "opened" if opens else "closed", by)
            return Response(status_code=202)

        return change

    def _there(self) -> Switches:
        found = self.switches()
        if found is None:
            raise _away("there is no way to the cluster, where gates are kept")
        return found

    def _shown(self, request: Request) -> str:
        """Who shows the token."""
        by, shown = _credentials(request)
        if not hmac.compare_digest(shown.encode(), self.token.get_secret_value().strip("\r\n").encode()):
            why = (
                "only who shows SLUICE_GATE_TOKEN may open and close: by Authorization: Bearer, basic login or ?token="
            )
            raise HTTPException(401, why, headers=CLOSE | {"WWW-Authenticate": 'Basic realm="sluice gates"'})
        return by[:253] or UNKNOWN

    async def _switch(self, kind: str, request: Request) -> Switch:
        body = await self.room.body(request, LIMIT)
        try:
            asked = Question.model_validate_json(body)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(one) for one in first["loc"]) or "body"
            raise HTTPException(
                400, f'{where}: {first["msg"]}; send {{"name": "CANARY", "namespace": "ITS"}}'
            ) from error
        finally:
            self.room.free(len(body))
        return Switch(kind, asked.namespace, asked.name)


def _credentials(request: Request) -> tuple[str, str]:
    """Who, and the token, as a request shows them."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return "", given.strip()
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "", ""
        return user, password
    return "", request.query_params.get("token", "")


def _always(status: int, said: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        return PlainTextResponse(said, status)

    return answer


def _away(why: str) -> HTTPException:
    # To a gate that is asked this is closed, and to a rollback gate no.
    return HTTPException(503, why, headers={"Retry-After": "5"})
