"""What holds for every forge: run over the table, each against a server that is held to the forge's own description."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from pydantic import SecretStr

from blocks.forges.asking import _resting
from blocks.forges.base import CommitStatus, Forge, Proposed, PullRequest
from blocks.forges.github import LONGEST_DESCRIPTION as LONGEST_ON_GITHUB
from blocks.forges.github import GitHub
from blocks.forges.gitlab import LONGEST_DESCRIPTION as LONGEST_ON_GITLAB
from blocks.forges.gitlab import GitLab
from blocks.forges.table import FORGES, forges
from lab.standins import github
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.blocks.forges.gitlab_server import GitLabServer
from tests.served import served

TOKEN, COMMIT = "ghp_of_the_lab", "c" * 40
GOOD = CommitStatus(context="sluice/team/shop", success=True, description="applied")


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
        states = {"failed": "failure"}
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


@pytest.fixture(params=FORGES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    _resting.clear()
    async with MAKE[request.param](tmp_path) as made:
        yield made


def repository(world: World, path: str = "team/shop") -> str:
    return f"https://{world.host}/{path}"


def test_every_forge_is_tried_here() -> None:
    """A row without a server to try it on would be a promise that nobody checks."""
    assert set(MAKE) == set(FORGES)


@pytest.mark.parametrize("success", [True, False])
async def test_a_status_is_seen_next_to_the_commit(world: World, success: bool) -> None:
    """Under its context, with its sentence."""
    await world.forge().set_status(repository(world), COMMIT, GOOD.model_copy(update={"success": success}))
    assert await world.shown() == [("success" if success else "failure", GOOD.context, GOOD.description)]


@pytest.mark.parametrize("form", ["https://{}/team/shop.git", "ssh://git@{}/team/shop", "git@{}:team/shop.git"])
async def test_a_repository_is_known_however_its_url_is_written(world: World, form: str) -> None:
    """As sources and webhooks write it."""
    await world.forge().set_status(form.format(world.host), COMMIT, GOOD)
    assert len(await world.shown()) == 1


async def test_a_long_sentence_is_cut(world: World) -> None:
    """A status that the forge refuses would be one that nobody sees."""
    await world.forge().set_status(repository(world), COMMIT, GOOD.model_copy(update={"description": "word\n" * 200}))
    ((_, _, description),) = await world.shown()
    assert len(description) == {"github.com": LONGEST_ON_GITHUB, "gitlab.com": LONGEST_ON_GITLAB}[world.host]
    assert description.startswith("word word")


async def test_a_refused_token_is_final_and_stays_secret(world: World) -> None:
    """The error names the setting and not its value."""
    with pytest.raises(TerminalError, match=SETTINGS[world.host]) as refused:
        await world.forge("ghp_wrong").set_status(repository(world), COMMIT, GOOD)
    assert "ghp_wrong" not in str(refused.value)


@pytest.mark.parametrize("path", ["shop", "a/b/c", ""])
async def test_what_is_no_repository_is_refused(world: World, path: str) -> None:
    """Before anything is sent. A project of GitLab may be in groups of groups."""
    if world.host == "gitlab.com" and path == "a/b/c":
        with pytest.raises(TerminalError, match="answered 404 for /projects/a%2Fb%2Fc/"):
            await world.forge().set_status(repository(world, path), COMMIT, GOOD)
        return
    with pytest.raises(InvalidError, match=r"(owner|group)/name"):
        await world.forge().set_status(repository(world, path), COMMIT, GOOD)


async def test_a_forge_that_is_away_may_come_back(world: World) -> None:
    """A refused connection may pass."""
    with pytest.raises(TransientError):
        await world.forge(url="http://127.0.0.1:9").set_status(repository(world), COMMIT, GOOD)


async def test_only_forges_with_a_token_are_known() -> None:
    """By the host of the repository; no token, or an empty one, and nothing is ever sent."""
    async with httpx.AsyncClient() as http:
        for token in (None, SecretStr("")):
            assert forges(http, {"github.com": token})("https://github.com/team/shop") is None
        found = forges(http, {"github.com": SecretStr("t")})
        assert isinstance(found("git@github.com:team/shop.git"), GitHub)
        assert found("https://git.example/team/shop") is None
        assert found("https://github.com.evil.example/team/shop") is None


WISH = PullRequest(
    branch="updates", into="main", title="Deliver shop:2", body="- `apps/shop.yaml`: 1 → 2", change="abc"
)


async def test_a_change_is_one_pull_request_however_often_it_is_proposed(world: World) -> None:
    """What it has to say is brought up to date; nothing is sent where nothing differs."""
    first = await world.forge().propose(repository(world), WISH)
    assert first.state is Proposed.OPEN
    again = await world.forge().propose(repository(world), WISH)
    newer = await world.forge().propose(
        repository(world), WISH.model_copy(update={"title": "Deliver shop:3", "change": "def"})
    )
    assert first == again == newer
    ((title, state, body),) = await world.pulls()
    assert (title, state) == ("Deliver shop:3", "open")
    assert body.startswith(WISH.body)
    assert await world.calls() == ["POST", "PATCH"]


async def test_after_a_merge_the_next_change_is_proposed_anew(world: World) -> None:
    """The same change too: somebody has undone it since."""
    first = await world.forge().propose(repository(world), WISH)
    await world.merge(first.number)
    second = await world.forge().propose(repository(world), WISH)
    assert (second.state, second.number) == (Proposed.OPEN, first.number + 1)


async def test_a_change_that_a_person_has_closed_is_left_closed(world: World) -> None:
    """Until it is another change."""
    first = await world.forge().propose(repository(world), WISH)
    await world.close(first.number)
    for _ in range(2):
        declined = await world.forge().propose(repository(world), WISH)
        assert (declined.state, declined.number) == (Proposed.DECLINED, first.number)
    other = await world.forge().propose(repository(world), WISH.model_copy(update={"change": "def"}))
    assert (other.state, other.number) == (Proposed.OPEN, first.number + 1)
    assert len(await world.pulls()) == 2


async def test_another_branchs_pull_request_is_not_touched(world: World) -> None:
    """Neither one from elsewhere nor one that goes elsewhere."""
    await world.forge().propose(repository(world), WISH.model_copy(update={"branch": "theirs"}))
    await world.forge().propose(repository(world), WISH.model_copy(update={"into": "release"}))
    await world.forge().propose(repository(world), WISH.model_copy(update={"title": "ours"}))
    assert sorted(title for title, _, _ in await world.pulls()) == ["Deliver shop:2", "Deliver shop:2", "ours"]


async def test_a_refused_pull_request_names_the_right_that_is_missing(world: World) -> None:
    """And not the token."""
    with pytest.raises(TerminalError, match=r"may the token .* write (pull|merge) requests") as refused:
        await world.forge("ghp_wrong").propose(repository(world), WISH)
    assert "ghp_wrong" not in str(refused.value)


async def test_reviewers_are_asked_once_when_it_is_opened(world: World) -> None:
    """People who took themselves off are not asked again at each look. Of teams only GitHub knows."""
    wish = WISH.model_copy(update={"reviewers": ("@ann", "@bob", "@team/shop", "ann@example.com")})
    first = await world.forge().propose(repository(world), wish)
    later = await world.forge().propose(repository(world), wish.model_copy(update={"title": "newer"}))
    on_github = world.host == "github.com"
    assert await world.asked() == ["ann", "bob", "shop"][: 3 if on_github else 2]
    assert first.unasked == (("ann@example.com",) if on_github else ("@team/shop", "ann@example.com"))
    assert (later.number, later.unasked) == (first.number, ())


async def test_a_reviewer_whom_the_forge_does_not_know_keeps_nobody_from_being_asked(world: World) -> None:
    """CODEOWNERS outlive their owners."""
    wish = WISH.model_copy(update={"reviewers": ("@stranger", "@ann")})
    made = await world.forge().propose(repository(world), wish)
    assert (made.state, made.unasked) == (Proposed.OPEN, ("@stranger",))
    assert await world.asked() == ["ann"]


WHY = "Closed by sluice: nothing is left to propose."


async def test_a_pull_request_that_is_withdrawn_is_closed_with_the_reason(world: World) -> None:
    """Once: there is no second comment, and nothing is done where none is open."""
    first = await world.forge().propose(repository(world), WISH)
    closed = await world.forge().withdraw(repository(world), WISH.branch, WISH.into, WHY)
    assert closed is not None
    assert closed.number == first.number
    assert await world.forge().withdraw(repository(world), WISH.branch, WISH.into, WHY) is None
    ((_, state, _),) = await world.pulls()
    assert state == "closed"
    assert await world.comments() == [(first.number, WHY)]


async def test_what_sluice_withdrew_may_be_proposed_once_more(world: World) -> None:
    """Nobody has declined it: the same change is a pull request again, a new one, and one at a time."""
    first = await world.forge().propose(repository(world), WISH)
    await world.forge().withdraw(repository(world), WISH.branch, WISH.into, WHY)
    second = await world.forge().propose(repository(world), WISH)
    assert (second.state, second.number) == (Proposed.OPEN, first.number + 1)
    assert [state for _, state, _ in await world.pulls()] == ["open", "closed"]


async def test_what_a_person_has_made_merged_or_closed_is_not_withdrawn(world: World) -> None:
    """From the very branch; it stays as it is, without a word."""
    await world.open(WISH.branch, WISH.into, "by hand")
    assert await world.forge().withdraw(repository(world), WISH.branch, WISH.into, WHY) is None
    await world.close(1)
    merged = await world.forge().propose(repository(world), WISH)
    await world.merge(merged.number)
    assert await world.forge().withdraw(repository(world), WISH.branch, WISH.into, WHY) is None
    assert await world.comments() == []
    assert [state for _, state, _ in await world.pulls()] == ["merged", "closed"]


async def test_a_status_that_is_set_twice_is_shown_once(world: World) -> None:
    """GitLab refuses the second one, which is no fault."""
    for _ in range(2):
        await world.forge().set_status(repository(world), COMMIT, GOOD)
    assert {one[0] for one in await world.shown()} == {"success"}


@pytest.fixture
async def on_lab(tmp_path: Path) -> AsyncIterator[OnGitLab]:
    _resting.clear()
    async with on_gitlab(tmp_path) as made:
        assert isinstance(made, OnGitLab)
        yield made
    _resting.clear()


async def test_a_forge_that_asks_for_time_gets_it_from_all(on_lab: OnGitLab) -> None:
    """One call, no second try within it; the next automation does not ask at all."""
    on_lab.server.limited = {"Retry-After": "120"}
    for _ in range(3):
        with pytest.raises(TransientError, match=r"left alone for 1[12]") as asked:
            await on_lab.forge().propose(repository(on_lab), WISH)
        assert asked.value.retry_after is not None
    assert on_lab.server.asked == 1


async def test_a_limit_that_says_until_when_is_understood(on_lab: OnGitLab) -> None:
    """GitLab's `RateLimit-Reset`, as GitHub's `X-RateLimit-Reset`, is a moment."""
    on_lab.server.limited = {"RateLimit-Reset": str(int(time.time()) + 600)}
    with pytest.raises(TransientError) as asked:
        await on_lab.forge().propose(repository(on_lab), WISH)
    assert asked.value.retry_after is not None
    assert 500 < asked.value.retry_after <= 600


async def test_a_second_worker_that_is_as_fast_makes_no_second_one(on_lab: OnGitLab) -> None:
    """GitLab says 409, in whatever language: the one that is there is taken."""

    def another() -> None:
        on_lab.server.before = lambda: None
        body = {"source_branch": WISH.branch, "target_branch": WISH.into, "title": "theirs", "description": WISH.text}
        on_lab.server._create(body)

    on_lab.server.before = another
    assert (await on_lab.forge().propose(repository(on_lab), WISH)).number == 1
    assert len(on_lab.server.requests) == 1


async def test_a_list_that_knows_no_filter_by_branch_confuses_nothing(on_lab: OnGitLab) -> None:
    """Nor does a fork's branch of the same name."""
    on_lab.server.filters = False
    await on_lab.forge().propose(repository(on_lab), WISH.model_copy(update={"branch": "theirs"}))
    fork = {"source_project_id": 9, "iid": 2, "state": "opened", "web_url": "https://gitlab.invalid/2"}
    ends = {"source_branch": WISH.branch, "target_branch": WISH.into, "target_project_id": 1}
    on_lab.server.requests.append({"title": "fork", "description": WISH.text, **fork, **ends})
    await on_lab.forge().withdraw(repository(on_lab), WISH.branch, WISH.into, WHY)
    assert [one["state"] for one in on_lab.server.requests] == ["opened", "opened"]


async def test_what_a_person_has_marked_as_a_draft_stays_one(on_lab: OnGitLab) -> None:
    """By its title, which otherwise says what the newest change is."""
    await on_lab.forge().propose(repository(on_lab), WISH)
    on_lab.server.requests[0]["title"] = f"Draft: {WISH.title}"
    await on_lab.forge().propose(repository(on_lab), WISH)
    assert await on_lab.calls() == ["POST"]
    await on_lab.forge().propose(repository(on_lab), WISH.model_copy(update={"title": "Deliver shop:3"}))
    assert on_lab.server.requests[0]["title"] == "Draft: Deliver shop:3"


async def test_a_project_in_groups_of_groups_is_found(on_lab: OnGitLab) -> None:
    """Its path is one part of the address, with `%2F` for each slash."""
    on_lab.server.projects.add("team/apps/web/shop")
    made = await on_lab.forge().propose(repository(on_lab, "team/apps/web/shop"), WISH)
    assert made.state is Proposed.OPEN


@pytest.mark.parametrize(
    ("url", "login", "api"),
    [
        ("https://github.com/team/shop", {"token": "t"}, "https://api.github.com"),
        ("git@gitlab.com:team/shop.git", {"token": "t\n"}, "https://gitlab.com/api/v4"),
        ("https://git.example/team/shop", {"token": "t", "type": "gitlab"}, "https://git.example/api/v4"),
        ("ssh://git@git.example:2222/team/shop", {"token": "t", "type": "gitlab"}, "https://git.example/api/v4"),
        ("https://ghe.example/team/shop", {"token": "t", "type": "github"}, "https://ghe.example/api/v3"),
        (
            "https://git.example/team/shop",
            {"token": "t", "type": "gitlab", "address": "https://git.example/gitlab/api/v4"},
            "https://git.example/gitlab/api/v4",
        ),
    ],
)
async def test_a_secret_leads_to_its_forge(url: str, login: dict[str, str], api: str) -> None:
    """By the host, or by what it says of a host of one's own; also where the installation has no token."""
    async with httpx.AsyncClient() as http:
        found = forges(http, {}).with_login(url, login, "Secret team/forge")
    assert isinstance(found, GitHub | GitLab)
    assert (found.api, found.token.get_secret_value()) == (api, "t")
    assert found.from_where == "key `token` of Secret team/forge"


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ({}, "no `token`"),
        ({"token": "t"}, "write its `type`, one of github, gitlab"),
        ({"token": "t", "type": "gogs"}, "write its `type`, one of github, gitlab"),
        ({"token": "t", "type": "gitlab", "address": "git.example"}, "`address` has to begin with https://"),
    ],
)
async def test_a_secret_that_leads_nowhere_names_its_key(login: dict[str, str], said: str) -> None:
    """And the way out."""
    async with httpx.AsyncClient() as http:
        with pytest.raises(InvalidError, match=said):
            forges(http, {}).with_login("https://git.example/team/shop", login, "Secret team/forge")
