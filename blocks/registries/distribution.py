"""Image registries by the OCI distribution API (opencontainers/distribution-spec): tags of a repository, digest of a tag."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import httpx

from blocks.bounded_http import Answer
from blocks.registries.base import USUAL, Listing, Way
from blocks.registries.tokens import Tokens, Wanted, body_of
from blocks.registries.transport import Transport, checked
from blocks.waits import retrying
from sluice.credentials import RegistryCredentials
from sluice.errors import TerminalError, TransientError
from sluice.images.reference import DOCKER_HUB, Repository, is_tag

MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
PAGE = 1000
MOST_PAGES, MOST_TAGS = 2000, 200_000
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:\d+)?")


@dataclass(frozen=True, slots=True)
class Call:
    """One question to a registry: what is asked, and as whom."""

    method: str
    base: str
    path: str
    wanted: Wanted
    headers: Mapping[str, str]

    @property
    def repository(self) -> Repository:
        """Whom it is about."""
        return self.wanted[0]


class Distribution:
    """All registries that speak this API. Speaks https, except to loopback and where a repository is marked insecure."""

    def __init__(self, *, timeout: float = 5.0, attempts: int = 3, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            timeout: seconds to connect, and for one read.
            attempts: calls before giving up on a registry that does not answer.
            clock: seconds, for how long a token is good.
        """
        self._transport = Transport(timeout)
        self._tokens = Tokens(self._transport, clock)
        self._attempts = attempts
        self._own_pages: set[str] = set()

    async def listing(
        self,
        repository: Repository,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
        known: str = "",
    ) -> Listing | None:
        """All tags of a repository; None where they are still those of the listing with the mark `known`.

        Raises:
            NotFoundError: the registry has no such repository.
            TransientError: it does not answer.
            TerminalError: it refuses us.
        """
        base, wanted = base_of(repository, insecure), (repository, credentials, way, "tags")
        first = await self._first_page(base, wanted, known)
        if first.status == 304:
            return None
        found, seen, answer = dict.fromkeys(_tags(first, repository)), set[str](), first
        while following := _next(answer, base):
            if len(seen) >= MOST_PAGES or len(found) > MOST_TAGS:
                raise TerminalError(f"{repository} has more than {MOST_PAGES} pages of tags, or {MOST_TAGS} tags")
            if following in seen:
                raise TerminalError(f"{repository} has more than {MOST_PAGES} pages of tags: {following!r} comes again")
            seen.add(following)
            answer = await self._ask(Call("GET", base, following, wanted, {}))
            found |= dict.fromkeys(_tags(answer, repository))
        # A mark of one page says nothing of the others.
        return Listing(tuple(found), "" if seen else first.headers.get("ETag", ""))

    async def digest(
        self,
        repository: Repository,
        tag: str,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
        way: Way = USUAL,
    ) -> str:
        """The digest that a tag names now.

        Raises:
            NotFoundError: there is no such tag.
            TransientError, TerminalError: as `listing`.
        """
        path = f"/v2/{repository.path}/manifests/{quote(tag, safe='')}"
        call = Call(
            "HEAD",
            base_of(repository, insecure),
            path,
            (repository, credentials, way, "manifests"),
            {"Accept": MANIFESTS},
        )
        answer = await self._ask(call, also=frozenset({405}))
        if answer.status == 405 or not answer.headers.get("Docker-Content-Digest"):
            # Some registries say it of a GET only, or not at all: it is the hash of the manifest as it came.
            answer = await self._ask(Call("GET", call.base, path, call.wanted, call.headers))
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not digest and answer.content:
            digest = f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if not digest:
            raise TerminalError(f"{repository} does not tell the digest of {tag}")
        return str(digest)

    async def _first_page(self, base: str, wanted: Wanted, known: str) -> Answer:
        repository, path = wanted[0], f"/v2/{wanted[0].path}/tags/list"
        headers = {"If-None-Match": known} if known else {}
        if repository.registry not in self._own_pages:
            answer = await self._ask(Call("GET", base, f"{path}?n={PAGE}", wanted, headers), also=frozenset({400, 416}))
            if answer.status not in (400, 416):
                return answer
            # Its pages are smaller, and instead of giving one of those it refuses.
            self._own_pages.add(repository.registry)
        return await self._ask(Call("GET", base, path, wanted, headers))

    async def _ask(self, call: Call, also: frozenset[int] = frozenset()) -> Answer:
        """The answer, which is a good one or has a status in `also`."""
        async for attempt in retrying(self._attempts, 2.0):
            with attempt:
                try:
                    return await self._once(call, also)
                except TransientError as error:
                    if error.retry_after is None:
                        raise
                    asked_to_wait = error
                break
        raise asked_to_wait

    async def _once(self, call: Call, also: frozenset[int]) -> Answer:
        known = self._tokens.known(call.wanted)
        answer = await self._send(call, known)
        if answer.status in (401, 403) and known:  # ECR says of a token that has ended: 403
            self._tokens.forget(call.wanted)
            answer = await self._send(call, "")
        if answer.status == 401:
            login = await self._tokens.login(answer, call.base, call.wanted)
            answer = await self._send(call, login)
            if answer.status in (401, 403):
                self._tokens.forget(call.wanted)
        return answer if answer.status in also else checked(answer, call.repository)

    async def _send(self, call: Call, login: str) -> Answer:
        headers = {**call.headers, **({"Authorization": login} if login else {})}
        return await self._transport.ask(call.method, call.base + call.path, call.repository, headers, call.wanted[2])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()


def base_of(repository: Repository, insecure: bool) -> str:
    """Scheme and host of a repository's registry."""
    host = "registry-1.docker.io" if repository.registry == DOCKER_HUB else repository.registry
    return f"{'http' if insecure or _LOOPBACK.fullmatch(host) else 'https'}://{host}"


def _tags(answer: Answer, repository: Repository) -> list[str]:
    tags = body_of(answer, repository).get("tags") or []
    if not isinstance(tags, list):
        raise TerminalError(
            f"{urlsplit(answer.url).hostname} does not speak as a registry for {repository}: tags is no list"
        )
    return [tag for tag in tags if is_tag(tag)]


def _next(answer: Answer, base: str) -> str:
    """The path of the next page; empty on the last one.

    Of the link only path and query count: registries behind a proxy often name themselves as they are called inside, and no
    token is for another host.
    """
    links = httpx.Response(200, headers=dict(answer.headers)).links
    link = links.get("next", {}).get("url", "")
    if not link:
        return ""
    try:
        to = urlsplit(urljoin(answer.url or base, link))
    except ValueError:
        return ""
    return f"{to.path}?{to.query}" if to.query else to.path
