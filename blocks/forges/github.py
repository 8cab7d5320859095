"""GitHub by its REST API (docs.github.com/rest), as github.com and as GitHub Enterprise Server have it.

By httpx, which sluice has already, not by githubkit: that brings models of all of GitHub's API into every worker, for a few
calls. The lab's stand-in checks these calls against githubkit's models instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr

from blocks.forges.base import CommitStatus, Proposal, Proposed, PullRequest
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
        token: with the right to write commit statuses, and pull requests where they are asked for.
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
        path = f"/repos/{_repository(url)}/statuses/{quote(commit, safe='')}"
        await self._ask("POST", path, body, "write commit statuses")

    async def propose(self, url: str, wish: PullRequest) -> Proposal:
        """Open a pull request, or bring the one that is open to what it has to say."""
        where, right = f"/repos/{_repository(url)}/pulls", "write pull requests"
        owner = _repository(url).partition("/")[0]
        known = await self._ask("GET", where, None, right, head=f"{owner}:{wish.branch}", base=wish.into, state="all")
        newest = sorted((one for one in known if isinstance(one, dict)), key=lambda one: -int(one["number"]))
        # Where the forge knows no filter by branch, or shows it otherwise, another's pull request is not ours to change.
        ours = [one for one in newest if (one["head"]["ref"], one["base"]["ref"]) == (wish.branch, wish.into)]
        for one in ours:
            if one["state"] == "open":
                if (one["title"], one.get("body")) != (wish.title, wish.text):
                    said = {"title": wish.title, "body": wish.text}
                    await self._ask("PATCH", f"{where}/{one['number']}", said, right)
                return _proposal(one)
        declined = [one for one in ours if not one.get("merged_at") and wish.mark in (one.get("body") or "")]
        if declined:
            return _proposal(declined[0], Proposed.DECLINED)
        body = {"title": wish.title, "body": wish.text, "head": wish.branch, "base": wish.into}
        return _proposal(await self._ask("POST", where, body, right))

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, right: str, **query: str) -> Any:
        async for attempt in retrying(ATTEMPTS, 1.0):
            with attempt:
                return await self._once(method, path, body, right, query)
        raise TransientError(f"GitHub did not answer {path}")

    async def _once(
        self, method: str, path: str, body: dict[str, Any] | None, right: str, query: dict[str, str]
    ) -> Any:
        headers = {
            "Authorization": f"Bearer {self.token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "sluice",
        }
        try:
            answer = await self.http.request(
                method, self.api.rstrip("/") + path, json=body, params=query, headers=headers, timeout=TIMEOUT
            )
        except httpx.RequestError as error:
            raise TransientError(f"GitHub does not answer: {type(error).__name__}") from error
        if answer.is_success:
            return answer.json()
        said = f"GitHub answered {answer.status_code} for {path}"
        # GitHub's limits are a 403 that says how long; any other 403 is a missing right.
        limited = answer.status_code == 429 or (answer.status_code == 403 and "Retry-After" in answer.headers)
        if limited or answer.status_code >= 500:
            raise TransientError(said, retry_after=retry_after(answer.headers))
        raise TerminalError(f"{said}: may the token of SLUICE_GITHUB_TOKEN {right} there?")


def _proposal(found: dict[str, Any], state: Proposed = Proposed.OPEN) -> Proposal:
    return Proposal(number=found["number"], address=found["html_url"], state=state)


def _repository(url: str) -> str:
    """`owner/name` of a repository's URL.

    Raises:
        InvalidError: it is not the URL of one.
    """
    parts = urlsplit(normalise(url)).path.strip("/").split("/")
    if len(parts) != 2 or not all(parts):
        raise InvalidError(f"{urlsplit(normalise(url)).path!r} is not owner/name of a GitHub repository")
    return "/".join(quote(part, safe="") for part in parts)
