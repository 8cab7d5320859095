"""Image registries by the OCI distribution API (opencontainers/distribution-spec): tags of a repository, digest of a tag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import httpx

from blocks.waits import retry_after, retrying
from sluice.addresses import shown
from sluice.credentials import RegistryCredentials
from sluice.errors import NotFoundError, TerminalError, TransientError
from sluice.images.reference import DOCKER_HUB, Repository

MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
MOST_PAGES = 200
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:\d+)?")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Distribution:
    """All registries that speak this API. Speaks https, except to loopback and where a repository is marked insecure."""

    def __init__(self, *, timeout: float = 5.0, attempts: int = 3) -> None:
        """
        Args:
            timeout: seconds for one call.
            attempts: calls before giving up on a registry that does not answer.
        """
        self._http = httpx.AsyncClient(timeout=timeout, follow_redirects=True)
        self._attempts = attempts

    async def tags(
        self, repository: Repository, credentials: RegistryCredentials | None = None, *, insecure: bool = False
    ) -> list[str]:
        """All tags of a repository.

        Raises:
            NotFoundError: the registry has no such repository.
            TransientError: it does not answer.
            TerminalError: it refuses us.
        """
        url = f"{_base(repository, insecure)}/v2/{repository.path}/tags/list?n=1000"
        found: list[str] = []
        for _ in range(MOST_PAGES):
            answer = await self._ask("GET", url, repository, credentials, {})
            found += _body(answer, repository).get("tags") or []
            following = answer.links.get("next", {}).get("url")
            if not following:
                return found
            url = urljoin(url, following)
        raise TerminalError(f"{repository} has more than {MOST_PAGES} pages of tags")

    async def digest(
        self,
        repository: Repository,
        tag: str,
        credentials: RegistryCredentials | None = None,
        *,
        insecure: bool = False,
    ) -> str:
        """The digest that a tag names now.

        Raises:
            NotFoundError: there is no such tag.
            TransientError, TerminalError: as `tags`.
        """
        url = f"{_base(repository, insecure)}/v2/{repository.path}/manifests/{tag}"
        answer = await self._ask("HEAD", url, repository, credentials, {"Accept": MANIFESTS})
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not digest:
            raise TerminalError(f"{repository} does not tell the digest of {tag}")
        return str(digest)

    async def _ask(
        self,
        method: str,
        url: str,
        repository: Repository,
        credentials: RegistryCredentials | None,
        headers: Mapping[str, str],
    ) -> httpx.Response:
        async for attempt in retrying(self._attempts, 2.0):
            with attempt:
                answer = await self._once(method, url, repository, headers)
                if answer.status_code == 401:
                    login = await self._login(answer, repository, credentials)
                    answer = await self._once(method, url, repository, {**headers, "Authorization": login})
                return _checked(answer, repository)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(
        self, method: str, url: str, repository: Repository, headers: Mapping[str, str], **more: str
    ) -> httpx.Response:
        try:
            return await self._http.request(method, url, headers=dict(headers), params=more or None)
        except httpx.InvalidURL as error:
            raise TerminalError(
                f"registry {repository.registry} sends us to {shown(url)!r}, which is no address"
            ) from error
        except httpx.RequestError as error:
            raise TransientError(f"registry {repository.registry} does not answer: {error!r}") from error

    async def _login(
        self, refused: httpx.Response, repository: Repository, credentials: RegistryCredentials | None
    ) -> str:
        """The Authorization header that the registry's challenge asks for."""
        scheme, _, rest = refused.headers.get("WWW-Authenticate", "").partition(" ")
        basic = httpx.BasicAuth(credentials.username, credentials.password.get_secret_value()) if credentials else None
        login = {}
        if basic:
            login = dict(next(basic.auth_flow(httpx.Request("GET", "http://registry"))).headers)
        if scheme.lower() == "basic" and basic:
            return str(login["authorization"])
        wanted = dict(_CHALLENGE.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in wanted:
            raise TerminalError(f"registry {repository.registry} wants a login for {repository.path}: set a secretRef")
        realm = wanted.pop("realm")
        only = {"Authorization": login["authorization"]} if basic else {}
        answer = _checked(await self._once("GET", realm, repository, only, **wanted), repository)
        body = _body(answer, repository)
        return f"Bearer {body.get('token') or body.get('access_token')}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()


def _base(repository: Repository, insecure: bool) -> str:
    host = "registry-1.docker.io" if repository.registry == DOCKER_HUB else repository.registry
    return f"{'http' if insecure or _LOOPBACK.fullmatch(host) else 'https'}://{host}"


def _body(answer: httpx.Response, repository: Repository) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError as error:
        raise TerminalError(f"{answer.url.host} does not speak as a registry for {repository}: no JSON") from error
    if not isinstance(body, dict):
        raise TerminalError(f"{answer.url.host} does not speak as a registry for {repository}: no JSON object")
    return body


def _checked(answer: httpx.Response, repository: Repository) -> httpx.Response:
    said = f"registry {repository.registry} answered {answer.status_code} for {repository.path}"
    if answer.status_code == 404:
        raise NotFoundError(said)
    if answer.status_code == 429 or answer.status_code >= 500:
        raise TransientError(said, retry_after=retry_after(answer.headers))
    if answer.is_error:
        raise TerminalError(f"{said}: check its secretRef")
    return answer
