"""GitHub by its REST API (docs.github.com/rest), as github.com and as GitHub Enterprise Server have it.

By httpx, which sluice has already, not by githubkit: that brings models of all of GitHub's API into every worker, for a few
calls. The lab's stand-in checks these calls against githubkit's models instead.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from blocks.forges.asking import Asking, Token
from blocks.forges.base import CommitStatus, Proposal, PullRequest, State, one_line
from blocks.forges.marks.github import GitHubMarks
from blocks.forges.proposing import Made, Stage, closed, proposed
from blocks.forges.repositories import on_github
from blocks.github_app import forget
from sluice.errors import SluiceError, TerminalError, TransientError

API = "https://api.github.com"
LONGEST_DESCRIPTION = 140
"""Characters that GitHub takes."""
MOST_REVIEWERS = 15
"""That GitHub takes."""
MOST_FINDINGS = 10 << 20
"""Bytes that GitHub takes of a file of findings, compressed."""
STATES = {State.PENDING: "pending", State.SUCCESS: "success", State.FAILURE: "failure", State.CANCELLED: "error"}
"""What GitHub calls them next to a commit; it has no word for what was given up but `error`."""
PULLS = "write pull requests"
SCANNING = "write code scanning alerts (scope `security_events`), and is code scanning on"
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@dataclass(frozen=True, slots=True)
class GitHub:
    """One GitHub.

    Attributes:
        http: the client to ask with; its owner closes it.
        token: with the right to write commit statuses, and pull requests where they are asked for; or what gives one.
        api: base URL of the REST API.
        from_where: where the token is written.
    """

    http: httpx.AsyncClient
    token: Token
    api: str = API
    from_where: str = "SLUICE_GITHUB_TOKEN"

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        """Set a status of a commit."""
        description = one_line(status.description, LONGEST_DESCRIPTION)
        body = {"state": STATES[status.state], "context": status.context, "description": description}
        path = f"/repos/{on_github(url)}/statuses/{quote(commit, safe='')}"
        await self._asking.ask("POST", path, "write commit statuses", body)

    @property
    def marks(self) -> GitHubMarks:
        """Deployments, notes of releases, and check runs."""
        return GitHubMarks(self._asking)

    async def show_findings(self, url: str, branch: str, commit: str, findings: Mapping[str, Any]) -> None:
        """Hand findings to code scanning."""
        packed = gzip.compress(json.dumps(findings).encode(), mtime=0)
        if len(packed) > MOST_FINDINGS:
            raise TerminalError(
                f"GitHub takes {MOST_FINDINGS >> 20} MiB of findings, and there are {len(packed):,} bytes"
            )
        sarif = base64.b64encode(packed).decode()
        body = {"commit_sha": commit, "ref": f"refs/heads/{branch}", "sarif": sarif, "tool_name": "sluice"}
        await self._asking.ask("POST", f"/repos/{on_github(url)}/code-scanning/sarifs", SCANNING, body)

    async def propose(self, url: str, wish: PullRequest) -> Proposal:
        """Open a pull request, or bring the one that is open to what it has to say."""
        return await proposed(self, url, wish)

    async def withdraw(self, url: str, branch: str, into: str, why: str) -> Proposal | None:
        """Close the open pull request of a branch, and say why in it."""
        return await closed(self, url, branch, into, why)

    async def made(self, url: str, branch: str, into: str) -> list[Made]:
        """The pull requests from one branch into another, newest first."""
        repository = on_github(url)
        head = f"{repository.partition('/')[0]}:{branch}"
        found = await self._asking.ask("GET", f"/repos/{repository}/pulls", PULLS, head=head, base=into, state="all")
        newest = sorted((one for one in found if isinstance(one, dict)), key=lambda one: -int(one["number"]))
        # Where the forge knows no filter by branch, or shows it otherwise, another's pull request is not ours to change.
        return [_made(one) for one in newest if (one["head"]["ref"], one["base"]["ref"]) == (branch, into)]

    async def make(self, url: str, wish: PullRequest) -> Proposal:
        """Open one, and ask for reviews."""
        where = f"/repos/{on_github(url)}/pulls"
        body = {"title": wish.title, "body": wish.text, "head": wish.branch, "base": wish.into}
        made = await self._asking.ask("POST", where, PULLS, body)
        unasked = await self._ask_reviewers(f"{where}/{made['number']}/requested_reviewers", wish.reviewers)
        return Proposal(number=made["number"], address=made["html_url"], unasked=unasked)

    async def change(self, url: str, one: Made, wish: PullRequest) -> None:
        """Have it say what is wished."""
        if (one.title, one.text) != (wish.title, wish.text):
            said = {"title": wish.title, "body": wish.text}
            await self._asking.ask("PATCH", f"/repos/{on_github(url)}/pulls/{one.number}", PULLS, said)

    async def close(self, url: str, one: Made, why: str, text: str) -> Proposal:
        """Say why in it, and close it."""
        repository = f"/repos/{on_github(url)}"
        await self._asking.ask("POST", f"{repository}/issues/{one.number}/comments", PULLS, {"body": why})
        said = {"state": "closed", "body": text}
        return _made(await self._asking.ask("PATCH", f"{repository}/pulls/{one.number}", PULLS, said)).proposal()

    async def _ask_reviewers(self, where: str, reviewers: tuple[str, ...]) -> tuple[str, ...]:
        """Ask for reviews; those that GitHub does not ask. It refuses all of a list for one that it does not know."""
        known = [one for one in reviewers[:MOST_REVIEWERS] if one.startswith("@") and one.count("/") < 2]
        unasked = [one for one in reviewers if one not in known]
        try:
            if known:
                await self._asking.ask("POST", where, PULLS, _reviewers(known))
        except TransientError:
            return reviewers  # it is open, which matters more: people find it by its title
        except TerminalError:
            for one in known:
                try:
                    await self._asking.ask("POST", where, PULLS, _reviewers([one]))
                except SluiceError:
                    unasked.append(one)
        return tuple(unasked)

    @property
    def _asking(self) -> Asking:
        spoilt = None if isinstance(self.token, SecretStr) else forget
        return Asking(self.http, "GitHub", self.api, self.token, self.from_where, HEADERS, spoilt)


def _made(found: dict[str, Any]) -> Made:
    open_or_closed = Stage.OPEN if found["state"] == "open" else Stage.CLOSED
    return Made(
        number=found["number"],
        address=found["html_url"],
        title=found["title"],
        text=found.get("body") or "",
        stage=Stage.MERGED if found.get("merged_at") else open_or_closed,
    )


def _reviewers(named: list[str]) -> dict[str, Any]:
    """The body that asks them: a team is known by its own name, for the owner can only be the repository's."""
    plain = [one.removeprefix("@") for one in named]
    teams = [one.partition("/")[2] for one in plain if "/" in one]
    return {"reviewers": [one for one in plain if "/" not in one], "team_reviewers": teams}
