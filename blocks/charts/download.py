"""Brings a file from a chart repository to the disk: bounded in bytes and time, with a login only where that belongs."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
from pydantic import SecretStr

from blocks.waits import retry_after
from sluice.addresses import cleaned, shown
from sluice.errors import ForbiddenError, InvalidError, NotFoundError, TerminalError, TransientError

REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Access:
    """How to get into a repository.

    Attributes:
        url: of the repository; the login is for its host.
        everywhere: the login goes along to other hosts too.
    """

    url: str
    username: str = ""
    password: SecretStr | None = None
    everywhere: bool = False
    trust: ssl.SSLContext | None = None
    timeout: float = 60.0

    def login_for(self, address: str) -> httpx.BasicAuth | None:
        """The login, where it may be shown at this address."""
        if not self.username or self.password is None or not (self.everywhere or _host(address) == _host(self.url)):
            return None
        return httpx.BasicAuth(self.username, self.password.get_secret_value())


async def download(access: Access, address: str, target: Path, most: int, etag: str = "") -> str | None:
    """Bring what is at an address into a file; its ETag, or None where it is as it was at `etag`.

    Raises:
        NotFoundError, ForbiddenError, TerminalError: the server says so.
        InvalidError: it has more than `most` bytes.
        TransientError: the server does not answer, or not in time.
    """
    try:
        async with (
            asyncio.timeout(access.timeout),
            httpx.AsyncClient(verify=access.trust or True, timeout=access.timeout, follow_redirects=False) as http,
        ):
            for _ in range(REDIRECTS):
                headers = {"If-None-Match": etag} if etag else {}
                login = access.login_for(address)
                async with http.stream("GET", address, headers=headers, auth=login) as answer:
                    if answer.is_redirect and answer.headers.get("Location"):
                        address = _followed(address, answer.headers["Location"])
                        continue
                    if answer.status_code == httpx.codes.NOT_MODIFIED:
                        return None
                    _refuse(answer, address)
                    await _written(answer, target, most, address)
                    return str(answer.headers.get("ETag", ""))
    except TimeoutError as error:
        raise TransientError(f"{shown(address)} did not give all of it within {access.timeout:g} s") from error
    except httpx.InvalidURL as error:
        raise InvalidError(f"{shown(address)} is no address") from error
    except httpx.HTTPError as error:
        raise TransientError(f"{shown(address)} does not answer: {cleaned(repr(error))}") from error
    raise InvalidError(f"{shown(access.url)} leads from one address to the next, more than {REDIRECTS} times")


async def _written(answer: httpx.Response, target: Path, most: int, address: str) -> None:
    size = 0
    with target.open("wb") as file:
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
            if size > most:
                raise InvalidError(f"{shown(address)} has more than {most // 1024**2} MiB")
            file.write(chunk)


def _refuse(answer: httpx.Response, address: str) -> None:
    status, what = answer.status_code, f"{shown(address)} answered {answer.status_code}"
    if status in {404, 410}:
        raise NotFoundError(what)
    if status in {401, 403}:
        raise ForbiddenError(f"{what}: set spec.secretRef to a Secret with username and password")
    if status in {408, 425, 429} or status >= 500:
        raise TransientError(what, retry_after=retry_after(answer.headers))
    if status != httpx.codes.OK:
        raise TerminalError(what)


def _followed(address: str, location: str) -> str:
    """Where a redirect leads.

    Raises:
        InvalidError: to something that is not http(s), or from https to http.
    """
    target = urljoin(address, location)
    scheme = urlsplit(target).scheme
    if scheme not in {"http", "https"} or (urlsplit(address).scheme == "https" and scheme == "http"):
        raise InvalidError(f"{shown(address)} leads to an address that is not as safe: {shown(target)}")
    return target


def _host(address: str) -> tuple[str, str, int | None]:
    parts = urlsplit(address)
    return (parts.scheme, (parts.hostname or "").lower(), parts.port)
