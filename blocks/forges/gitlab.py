"""GitLab by its REST API (docs.gitlab.com/api), as gitlab.com and as a GitLab of one's own have it.

What others call a pull request is a merge request there, and is known by its `iid`, the number within its project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from blocks.forges.asking import Asking, Token
from blocks.forges.base import CommitStatus, Proposal, PullRequest, State, one_line
from blocks.forges.marks.gitlab import GitLabMarks
from blocks.forges.proposing import Made, Stage, closed, proposed
from blocks.forges.repositories import on_gitlab
from sluice.errors import TerminalError

API = "https://gitlab.com/api/v4"
LONGEST_DESCRIPTION = 255
"""Characters that GitLab takes of a status."""
MOST_REVIEWERS = 15
"""That are asked."""
DEVELOPER = 30
"""Access level from which on a member may approve."""
DRAFT = "Draft: "
"""What a title begins with while nobody is to merge it: people's word, and not for us to take away."""
STATES = {State.PENDING: "running", State.SUCCESS: "success", State.FAILURE: "failed", State.CANCELLED: "canceled"}
"""What GitLab calls them."""
MERGE_REQUESTS = "have scope `api` and role Developer, to write merge requests"


@dataclass(frozen=True, slots=True)
class GitLab:
    """One GitLab.

    Attributes:
        http: the client to ask with; its owner closes it.
        token: a personal, group or project access token with scope `api` and the role Developer.
        api: base URL of the REST API.
        from_where: where the token is written.
    """

    http: httpx.AsyncClient
    token: Token
    api: str = API
    from_where: str = "SLUICE_GITLAB_API_TOKEN"

    async def set_status(self, url: str, commit: str, status: CommitStatus) -> None:
        """Set a status of a commit."""
        body = {
            "state": STATES[status.state],
            "name": status.context,
            "description": one_line(status.description, LONGEST_DESCRIPTION),
        }
        path = f"/projects/{on_gitlab(url)}/statuses/{quote(commit, safe='')}"
        try:
            await self._asking.ask("POST", path, "have scope `api`, to write commit statuses", body)
        except TerminalError as error:
            # GitLab refuses a status that the commit has already: it is a state of a pipeline there.
            if "Cannot transition status" not in str(error):
                raise

    @property
    def marks(self) -> GitLabMarks:
        """Deployments to environments, notes of releases, and statuses in the place of check runs."""
        return GitLabMarks(self._asking)

    async def show_findings(self, url: str, branch: str, commit: str, findings: Mapping[str, Any]) -> None:
        """Refused: GitLab takes findings from a job of a pipeline alone, and in a form of its own."""
        raise TerminalError(
            "GitLab takes no SARIF over its API: leave out spec.codeScanning, and have `sluice flags audit --sarif-file` "
            "write it in a job"
        )

    async def propose(self, url: str, wish: PullRequest) -> Proposal:
        """Open a merge request, or bring the one that is open to what it has to say."""
        return await proposed(self, url, wish)

    async def withdraw(self, url: str, branch: str, into: str, why: str) -> Proposal | None:
        """Close the open merge request of a branch, and say why in it."""
        return await closed(self, url, branch, into, why)

    async def made(self, url: str, branch: str, into: str) -> list[Made]:
        """The merge requests from one branch into another, newest first."""
        query = {"source_branch": branch, "target_branch": into, "state": "all", "per_page": "100"}
        found = await self._asking.ask("GET", _requests(url), MERGE_REQUESTS, None, **query)
        newest = sorted((one for one in found if isinstance(one, dict)), key=lambda one: -int(one["iid"]))
        # Some versions know no filter by branch; and one from a fork has a branch of that name too.
        return [
            _made(one)
            for one in newest
            if (one["source_branch"], one["target_branch"]) == (branch, into)
            and one.get("source_project_id") == one.get("target_project_id")
        ]

    async def make(self, url: str, wish: PullRequest) -> Proposal:
        """Open one, and ask for reviews."""
        body: dict[str, Any] = {
            "source_branch": wish.branch,
            "target_branch": wish.into,
            "title": wish.title,
            "description": wish.text,
        }
        ids, unasked = await self._ids(wish.reviewers)
        body |= {"reviewer_ids": ids} if ids else {}
        made = await self._asking.ask("POST", _requests(url), MERGE_REQUESTS, body)
        return Proposal(number=made["iid"], address=made["web_url"], unasked=unasked)

    async def change(self, url: str, one: Made, wish: PullRequest) -> None:
        """Have it say what is wished; a draft stays one."""
        title = f"{DRAFT}{wish.title}" if one.title.startswith(DRAFT) else wish.title
        if (one.title, one.text) != (title, wish.text):
            said = {"title": title, "description": wish.text}
            await self._asking.ask("PUT", f"{_requests(url)}/{one.number}", MERGE_REQUESTS, said)

    async def close(self, url: str, one: Made, why: str, text: str) -> Proposal:
        """Say why in it, and close it."""
        where = f"{_requests(url)}/{one.number}"
        await self._asking.ask("POST", f"{where}/notes", MERGE_REQUESTS, {"body": why})
        said = {"state_event": "close", "description": text}
        return _made(await self._asking.ask("PUT", where, MERGE_REQUESTS, said)).proposal()

    async def _ids(self, reviewers: tuple[str, ...]) -> tuple[list[int], tuple[str, ...]]:
        """The users' numbers, a group's members in its place, and those that are neither: an address, or a role."""
        ids, unasked = dict[int, None](), list[str]()
        for one in reviewers:
            name = one.removeprefix("@")
            asked = one.startswith("@") and not name.startswith("@") and len(ids) < MOST_REVIEWERS
            found = (await self._user(name) or await self._members(name)) if asked else []
            ids |= dict.fromkeys(found[: MOST_REVIEWERS - len(ids)])
            if not found:
                unasked.append(one)
        return list(ids), tuple(unasked)

    async def _user(self, name: str) -> list[int]:
        if "/" in name:
            return []
        found = await self._asking.ask("GET", "/users", MERGE_REQUESTS, username=name)
        return [one["id"] for one in found if str(one.get("username")).lower() == name.lower()][:1]

    async def _members(self, group: str) -> list[int]:
        """The members of a group themselves, who are meant where CODEOWNERS names it; none where there is no such group."""
        path = f"/groups/{quote(group, safe='')}/members"
        try:
            found = await self._asking.ask("GET", path, "see the members of groups", per_page="100")
        except TerminalError:
            return []
        return [one["id"] for one in found if one.get("state") == "active" and one.get("access_level", 0) >= DEVELOPER]

    @property
    def _asking(self) -> Asking:
        return Asking(self.http, "GitLab", self.api, self.token, self.from_where)


STAGES = {"opened": Stage.OPEN, "locked": Stage.LOCKED, "merged": Stage.MERGED}


def _made(found: dict[str, Any]) -> Made:
    return Made(
        number=found["iid"],
        address=found["web_url"],
        title=found["title"],
        text=found.get("description") or "",
        stage=STAGES.get(found["state"], Stage.CLOSED),
    )


def _requests(url: str) -> str:
    return f"/projects/{on_gitlab(url)}/merge_requests"
