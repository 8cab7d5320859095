"""A server for each forge, held to the forge's own description, and what tests ask of it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
from pydantic import SecretStr

from blocks.forges.base import CommitStatus, Forge, PullRequest, State
from blocks.forges.github import GitHub
from blocks.forges.gitlab import GitLab
from lab.standins import github
from tests.blocks.forges.gitlab_server import GitLabServer
from tests.served import served

TOKEN, COMMIT = "ghp_of_the_lab", "c" * 40
GOOD = CommitStatus(context="sluice/team/shop", state=State.SUCCESS, description="applied")
WISH = PullRequest(
    branch="updates", into="main", title="Deliver shop:2", body="- `apps/shop.yaml`: 1 → 2", change="abc"
)
WHY = "Closed by sluice: nothing is left to propose."


class World(Protocol):
    """One forge's server with the repository `team/shop`, and what people see and do there."""

    host: str

    def forge(self, token: str = TOKEN, url: str | None = None) -> Forge:
        """It, by a token and at an address."""

    async def shown(self) -> list[tuple[str, str, str]]:
        """State, context and description of the commit's statuses, newest first."""

    async def pulls(self) -> list[tuple[str, str, str]]:
        """Title, state (`open`, `closed`, `merged`) and body of all pull requests, newest first."""

    async def comments(self) -> list[tuple[int, str]]:
        """What was said in which pull request."""

    async def calls(self) -> list[str]:
        """The methods of what wrote something at the forge."""

    async def asked(self) -> list[str]:
        """Who was asked to review, by name: users and teams."""

    async def findings(self) -> list[tuple[str, str, Any]]:
        """Reference, commit and SARIF of what was found in code."""

    async def merge(self, number: int) -> None:
        """A person merges one."""

    async def close(self, number: int) -> None:
        """A person closes one."""

    async def open(self, branch: str, into: str, body: str) -> None:
        """A person makes one."""


@dataclass
class OnGitHub:
    """The lab's stand-in for GitHub."""

    url: str
    http: httpx.AsyncClient
    host: str = "github.com"

    def forge(self, token: str = TOKEN, url: str | None = None) -> Forge:
        return GitHub(self.http, SecretStr(token), url or self.url)

    async def shown(self) -> list[tuple[str, str, str]]:
        found = (await self.act("GET", f"/commits/{COMMIT}/statuses")).json()
        return [(one["state"], one["context"], one["description"]) for one in found]

    async def pulls(self) -> list[tuple[str, str, str]]:
        found = (await self.act("GET", "/pulls?state=all")).json()
        return [(one["title"], "merged" if one["merged_at"] else one["state"], one["body"]) for one in found]

    async def comments(self) -> list[tuple[int, str]]:
        said = [one for one in await self._calls() if one["path"].endswith("/comments")]
        return [(int(one["path"].split("/")[-2]), one["body"]["body"]) for one in said]

    async def calls(self) -> list[str]:
        return [call["method"] for call in await self._calls()]

    async def _calls(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get(f"{self.url}/-/calls")).json()
        return [call for call in found if call["method"] != "GET"]

    async def asked(self) -> list[str]:
        bodies = [one["body"] for one in await self._calls() if one["path"].endswith("/requested_reviewers")]
        return [name for body in bodies for kind in ("reviewers", "team_reviewers") for name in body.get(kind, [])]

    async def findings(self) -> list[tuple[str, str, Any]]:
        bodies = [one["body"] for one in await self._calls() if one["path"].endswith("/code-scanning/sarifs")]
        return [
            (one["ref"], one["commit_sha"], json.loads(gzip.decompress(base64.b64decode(one["sarif"]))))
            for one in bodies
        ]

    async def merge(self, number: int) -> None:
        await self.act("PUT", f"/pulls/{number}/merge")

    async def close(self, number: int) -> None:
        await self.act("PATCH", f"/pulls/{number}", {"state": "closed"})

    async def open(self, branch: str, into: str, body: str) -> None:
        await self.act("POST", "/pulls", {"head": branch, "base": into, "title": "theirs", "body": body})

    async def act(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await self.http.request(method, f"{self.url}/repos/team/shop{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer


@dataclass
class OnGitLab:
    """A stand-in for GitLab, by its documentation."""

    url: str
    http: httpx.AsyncClient
    server: GitLabServer
    host: str = "gitlab.com"

    def forge(self, token: str = TOKEN, url: str | None = None) -> Forge:
        return GitLab(self.http, SecretStr(token), f"{url or self.url}/api/v4")

    async def shown(self) -> list[tuple[str, str, str]]:
        states = {"failed": "failure", "running": "pending"}
        found = reversed(self.server.statuses)
        return [(states.get(one["status"], one["status"]), one["name"], one["description"]) for one in found]

    async def pulls(self) -> list[tuple[str, str, str]]:
        states = {"opened": "open"}
        found = reversed(self.server.requests)
        return [(one["title"], states.get(one["state"], one["state"]), one["description"]) for one in found]

    async def comments(self) -> list[tuple[int, str]]:
        return [(one["iid"], one["body"]) for one in self.server.notes]

    async def calls(self) -> list[str]:
        # What GitHub calls PATCH is PUT here.
        return ["PATCH" if call["method"] == "PUT" else call["method"] for call in self.server.calls]

    async def asked(self) -> list[str]:
        names = {number: name for name, number in self.server.users.items()}
        return [names[one] for call in self.server.calls for one in call["body"].get("reviewer_ids", [])]

    async def findings(self) -> list[tuple[str, str, Any]]:
        return []

    async def merge(self, number: int) -> None:
        self.server.requests[number - 1]["state"] = "merged"

    async def close(self, number: int) -> None:
        self.server.requests[number - 1]["state"] = "closed"

    async def open(self, branch: str, into: str, body: str) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        said = {"source_branch": branch, "target_branch": into, "title": "theirs", "description": body}
        where = f"{self.url}/api/v4/projects/team%2Fshop/merge_requests"
        assert (await self.http.post(where, json=said, headers=headers)).is_success


@asynccontextmanager
async def on_github(folder: Path) -> AsyncIterator[World]:
    app = github.application(folder, TOKEN, "s", "http://127.0.0.1:9/github", "http://127.0.0.1:9")
    async with served(app) as url, httpx.AsyncClient(trust_env=False) as http:
        yield OnGitHub(url, http)


@asynccontextmanager
async def on_gitlab(folder: Path) -> AsyncIterator[World]:
    server = GitLabServer(TOKEN)
    async with served(server.app) as url, httpx.AsyncClient(trust_env=False) as http:
        yield OnGitLab(url, http, server)


MAKE: dict[str, Callable[[Path], AbstractAsyncContextManager[World]]] = {
    "github.com": on_github,
    "gitlab.com": on_gitlab,
}
SETTINGS = {"github.com": "SLUICE_GITHUB_TOKEN", "gitlab.com": "SLUICE_GITLAB_API_TOKEN"}


def repository(world: World, path: str = "team/shop") -> str:
    return f"https://{world.host}/{path}"
