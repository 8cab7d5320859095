"""Fetches a calendar's feed: bounded in bytes and time, with the login of a Secret, and only where it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from blocks.bounded_http import Answer, asked
from blocks.tls import context_of
from blocks.waits import retry_after
from sluice.addresses import cleaned, shown, without_login
from sluice.credentials import name_of, secret_text
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError
from sluice.manifests.own.freeze import FreezeCalendar

MOST = 8 << 20
"""Bytes of a feed: twenty years of a company's meetings."""
WITHIN = 20.0
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed as it is now.

    Attributes:
        text: None where it is as it was at the ETag that was asked with.
        etag: to ask with next time; empty where the server gives none.
    """

    text: bytes | None
    etag: str


async def fetch(calendar: FreezeCalendar, secret: Object | None, etag: str = "") -> Fetched:
    """The feed of a calendar.

    Args:
        calendar: as the Freeze has it.
        secret: the Secret that it names; None where it names none.
        etag: of the copy that is there.

    Raises:
        NotFoundError, ForbiddenError, TerminalError: its server says so.
        InvalidError: the address or the Secret cannot be used, or it has too many bytes.
        TransientError: its server does not answer.
    """
    text = _read(secret, "url") or calendar.url
    address, login = without_login("https" + text.removeprefix("webcal") if text.startswith("webcal://") else text)
    # A secret address is no address that a message may have.
    where = calendar.url if _read(secret, "url") else address
    headers = {"Accept": "text/calendar, */*;q=0.5", "Accept-Encoding": "identity"}
    if etag:
        headers["If-None-Match"] = etag
    if token := _read(secret, "token"):
        headers["Authorization"] = f"Bearer {token}"
    username = _read(secret, "username")
    auth = (username, _read(secret, "password")) if username else login
    trust = _read(secret, "ca.crt")
    verify = context_of(name_of(secret or {}), trust, "", "") if trust else True
    try:
        async with httpx.AsyncClient(verify=verify, auth=auth, timeout=WITHIN) as http:
            answer = await asked(http, http.build_request("GET", address, headers=headers), MOST, WITHIN)
    except (httpx.InvalidURL, ValueError) as error:
        raise InvalidError(f"spec.calendar.url is no address: {shown(where)}") from error
    except httpx.HTTPError as error:
        raise TransientError(f"{shown(where)} does not answer: {cleaned(type(error).__name__)}") from error
    if answer.status == httpx.codes.NOT_MODIFIED and etag:
        return Fetched(None, etag)
    _refuse(answer, shown(where))
    return Fetched(answer.content, answer.headers.get("ETag", ""))


def _refuse(answer: Answer, where: str) -> None:
    status, what = answer.status, f"{where} answered {answer.status}"
    if status in {404, 410}:
        raise NotFoundError(f"{what}: mend spec.calendar.url")
    if status in {401, 403}:
        raise ForbiddenError(f"{what}: set spec.calendar.secretRef to a Secret with username and password, or token")
    if status in {408, 425, 429} or status >= 500:
        raise TransientError(what, retry_after=retry_after(answer.headers))
    if status != httpx.codes.OK:
        raise TerminalError(what)
    if not answer.whole:
        raise InvalidError(f"{where} has more than {MOST >> 20} MiB: export fewer years")


def _read(secret: Object | None, key: str) -> str:
    return secret_text(secret, key).get_secret_value().strip() if secret else ""
