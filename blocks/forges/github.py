"""GitHub by its REST API (docs.github.com/rest), as github.com and as GitHub Enterprise Server have it.

By httpx, which sluice has already, not by githubkit: that brings models of all of GitHub's API into every worker, for one
call. The lab's stand-in checks that call against githubkit's models instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr

from blocks.forges.base import CommitStatus
from blocks.waits import retry_after, retrying
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.sync.source_url import normalise

API = "https://api.github.com"
ATTEMPTS, TIMEOUT = 3, 5.0
LONGEST_DESCRIPTION = 140
"""Characters that GitHub takes."""


@dataclass(frozen=True, slots=True)
class GitHub:
    """One GitHub.

    Attributes:
        http: the client to ask with; its owner closes it.
        token: with the right to write commit statuses.
        api: base URL of the REST API.
    """

    http: httpx.AsyncClient
    token: SecretStr
    api: str = API

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        """Set a status of a commit."""
        state = "success" if status.success else "failure"
        description = " ".join(status.description.split())
        if len(description) > LONGEST_DESCRIPTION:
            description = description[: LONGEST_DESCRIPTION - 1] + "…"
        body = {"state": state, "context": status.context, "description": description}
        await self._post(f"/repos/{_repository(url)}/statuses/{quote(commit, safe='')}", body)

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async for attempt in retrying(ATTEMPTS, 1.0):
            with attempt:
                await self._once(path, body)

    async def _once(self, path: str, body: dict[str, Any]) -> None:
        headers = {
            "Authorization": f"Bearer {self.token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "sluice",
        }
        try:
            answer = await self.http.post(self.api.rstrip("/") + path, json=body, headers=headers, timeout=TIMEOUT)
        except httpx.RequestError as error:
            raise TransientError(f"GitHub does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return
        said = f"GitHub answered {answer.status_code} for {path}"
        # GitHub's limits are a 403 that says how long; any other 403 is a missing right.
        limited = answer.status_code == 429 or (answer.status_code == 403 and "Retry-After" in answer.headers)
        if limited or answer.status_code >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        raise TerminalError(f"{said}: may the token of SLUICE_GITHUB_TOKEN write commit statuses there?")


def _repository(url: str) -> str:
    """`owner/name` of a repository's URL.

    Raises:
        InvalidError: it is not the URL of one.
    """
    parts = urlsplit(normalise(url)).path.strip("/").split("/")
    if len(parts) != 2 or not all(parts):
        raise InvalidError(f"{urlsplit(normalise(url)).path!r} is not owner/name of a GitHub repository")
    return "/".join(quote(part, safe="") for part in parts)
