"""Asking a flag service over HTTP: as whom, within a time and a size, and a few times where only something is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr

from blocks.bounded_http import Answer, sent
from blocks.git.mirror import Remote
from blocks.git.mirrors import Git
from blocks.waits import retry_after, retrying
from sluice.addresses import cleaned, shown
from sluice.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TerminalError,
    TransientError,
)
from sluice.manifests.own.flag_service import FlagServiceReference

MOST_BYTES = 32 << 20
"""Of one answer: 10,000 flags with rules are a quarter of it."""
MOST_PAGES = 1000
ATTEMPTS, LONGEST_WAIT = 3, 1.0
_LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Access:
    """One connection to a service of flags, as an object of the cluster names it.

    Attributes:
        reference: what the object says.
        http: the client to ask with; its owner closes it.
        token: None where the service lets everybody in.
        from_where: where the token is written, for the person who has to put it right.
        git: for files in git; None where this process has none.
        remote: the repository of the file, with its login.
        headers: what else each call carries.
    """

    reference: FlagServiceReference
    http: httpx.AsyncClient
    token: SecretStr | None = None
    from_where: str = "spec.service.secretRef"
    git: Git | None = None
    remote: Remote | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def namespace(self, environment: str) -> str:
        """The namespace in one environment."""
        return self.reference.of(self.reference.namespace, environment)

    def address(self, environment: str) -> str:
        """The service's address in one environment."""
        return self.reference.of(self.reference.address, environment).rstrip("/")

    def checked_to_write(self) -> None:
        """Stop before anything is written where the object says so.

        Raises:
            TerminalError: `readOnly` is set.
        """
        if self.reference.read_only:
            raise TerminalError("spec.service.readOnly is set: sluice turns no flag there; remove it to let it")

    async def read(self, environment: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer to a question, which is asked again where the service is away for a moment.

        Args:
            environment: whose address.
            method: of HTTP.
            path: below the address, quoted already.
            body: to send.
            query: of the address.

        Raises:
            NotFoundError: 404.
            and the errors of `FlagService`.
        """
        async for attempt in retrying(ATTEMPTS, LONGEST_WAIT):
            with attempt:
                return await self.write(environment, method, path, body, **query)
        raise TransientError(f"{self._where(environment)} did not answer")

    async def write(self, environment: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The answer to a call that is made once: who gets a TransientError looks first what came of it.

        Raises:
            ConflictError: 409, somebody else changed it.
            and the errors of `read`.
        """
        url, within = self.address(environment) + path, self.reference.timeout
        login = {"Authorization": f"Bearer {self.token.get_secret_value()}"} if self.token else {}
        given: dict[str, Any] = {"headers": {"Accept": "application/json", **self.headers, **login}}
        if body is not None:
            given["json"] = body
        if query:
            given["params"] = query
        try:
            answer = await sent(method, self.http, url, MOST_BYTES, within, follow_redirects=False, **given)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(f"{self._where(environment)} does not answer: {type(error).__name__}") from None
        return self._checked(answer, environment, path)

    def _checked(self, answer: Answer, environment: str, path: str) -> Any:
        where = self._where(environment)
        if answer.is_success:
            return self._body(answer, where, path)
        said = f"{where} answered {answer.status} for {path}"
        if 300 <= answer.status < 400:
            there = shown(answer.headers.get("Location", ""))
            raise TerminalError(
                f"{said}, which leads to {there or 'nowhere'}: nothing was sent there; if that is it, write it into "
                "spec.service.address"
            )
        if answer.status in (401, 403):
            raise ForbiddenError(f"{said}: may the token of {self.from_where} read and write flags there?")
        if answer.status == 404:
            raise NotFoundError(said)
        if answer.status == 409:
            raise ConflictError(said)
        if answer.status in (408, 425, 429) or answer.status >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        raise InvalidError(f"{said}: {self._words(answer)}")

    def _body(self, answer: Answer, where: str, path: str) -> Any:
        if not answer.whole:
            raise InvalidError(f"{where} gives more than {MOST_BYTES >> 20} MiB for {path}: split it by namespaces")
        if not answer.content.strip():
            return {}
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            raise InvalidError(
                f"{where} gives no JSON for {path}: is spec.service.address that of the service?"
            ) from None

    def _words(self, answer: Answer) -> str:
        """The service's own words, short, and never with our token in them."""
        words = " ".join(cleaned(answer.text).split())[:_LONGEST_WORDS]
        token = self.token.get_secret_value() if self.token else ""
        return words.replace(token, "…") if token else words

    def _where(self, environment: str) -> str:
        try:
            host = urlsplit(self.address(environment)).netloc.rpartition("@")[2]
        except ValueError:
            host = "?"
        return f"flag service {self.reference.type} at {host}"


def part(text: str) -> str:
    """A text as one part of a path."""
    return quote(text, safe="")


def listed(answer: Any, name: str, where: str) -> list[Any]:
    """A list of an answer.

    Raises:
        InvalidError: there is none.
    """
    found = answer.get(name) if isinstance(answer, Mapping) else None
    if found is None and isinstance(answer, Mapping):
        return []  # what is empty may be left out
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise InvalidError(f"{where} does not answer as such a service: {name} is no list of objects")
    return found
