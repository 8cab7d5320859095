"""What holds for every forge: run over the table, each against a server that is held to the forge's own description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from blocks.forges.base import CommitStatus, Forge, Proposed, PullRequest
from blocks.forges.github import LONGEST_DESCRIPTION, GitHub
from blocks.forges.table import FORGES, forges
from lab.standins import github
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.served import served

TOKEN, COMMIT = "ghp_of_the_lab", "c" * 40
GOOD = CommitStatus(context="sluice/team/shop", success=True, description="applied")


@dataclass
class World:
    """One forge's server with the repository `team/shop`, and what people see there."""

    url: str
    host: str
    http: httpx.AsyncClient

    def forge(self, token: str = TOKEN, url: str | None = None) -> Forge:
        return MAKE[self.host](self.http, SecretStr(token), url or self.url)

    async def shown(self) -> list[dict[str, Any]]:
        """The statuses of the commit, newest first."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        path = f"{self.url}/repos/team/shop/commits/{COMMIT}/statuses"
        found: list[dict[str, Any]] = (await self.http.get(path, headers=headers)).json()
        return found

    async def pulls(self) -> list[dict[str, Any]]:
        """All pull requests, also those that are closed."""
        found: list[dict[str, Any]] = (await self.act("GET", "/pulls?state=all")).json()
        return found

    async def calls(self) -> list[dict[str, Any]]:
        """What wrote something at the forge."""
        found: list[dict[str, Any]] = (await self.http.get(f"{self.url}/-/calls")).json()
        return [call for call in found if call["method"] != "GET"]

    async def act(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """What a person does there."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = await self.http.request(method, f"{self.url}/repos/team/shop{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer


MAKE: dict[str, Callable[[httpx.AsyncClient, SecretStr, str], Forge]] = {"github.com": GitHub}


@pytest.fixture(params=FORGES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    app = github.application(tmp_path, TOKEN, "s", "http://127.0.0.1:9/github", "http://127.0.0.1:9")
    async with served(app) as url, httpx.AsyncClient(trust_env=False) as http:
        yield World(url, request.param, http)


def repository(world: World, path: str = "team/shop") -> str:
    return f"https://{world.host}/{path}"


def test_every_forge_is_tried_here() -> None:
    """A row without a server to try it on would be a promise that nobody checks."""
    assert set(MAKE) == set(FORGES)


@pytest.mark.parametrize("success", [True, False])
async def test_a_status_is_seen_next_to_the_commit(world: World, success: bool) -> None:
    """Under its context, with its sentence."""
    await world.forge().set_status(repository(world), COMMIT, GOOD.model_copy(update={"success": success}))
    (one,) = await world.shown()
    assert (one["context"], one["description"]) == (GOOD.context, GOOD.description)
    assert one["state"] == ("success" if success else "failure")


@pytest.mark.parametrize("form", ["https://{}/team/shop.git", "ssh://git@{}/team/shop", "git@{}:team/shop.git"])
async def test_a_repository_is_known_however_its_url_is_written(world: World, form: str) -> None:
    """As sources and webhooks write it."""
    await world.forge().set_status(form.format(world.host), COMMIT, GOOD)
    assert len(await world.shown()) == 1


async def test_a_long_sentence_is_cut(world: World) -> None:
    """A status that the forge refuses would be one that nobody sees."""
    await world.forge().set_status(repository(world), COMMIT, GOOD.model_copy(update={"description": "word\n" * 200}))
    (one,) = await world.shown()
    assert len(one["description"]) == LONGEST_DESCRIPTION
    assert one["description"].startswith("word word")


async def test_a_refused_token_is_final_and_stays_secret(world: World) -> None:
    """The error names the setting and not its value."""
    with pytest.raises(TerminalError, match="SLUICE_GITHUB_TOKEN") as refused:
        await world.forge("ghp_wrong").set_status(repository(world), COMMIT, GOOD)
    assert "ghp_wrong" not in str(refused.value)


@pytest.mark.parametrize("path", ["shop", "a/b/c", ""])
async def test_what_is_no_repository_is_refused(world: World, path: str) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidError, match="owner/name"):
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
    (pull,) = await world.pulls()
    assert (pull["title"], pull["state"]) == ("Deliver shop:3", "open")
    assert pull["body"].startswith(WISH.body)
    assert [call["method"] for call in await world.calls()] == ["POST", "PATCH"]


async def test_after_a_merge_the_next_change_is_proposed_anew(world: World) -> None:
    """The same change too: somebody has undone it since."""
    first = await world.forge().propose(repository(world), WISH)
    await world.act("PUT", f"/pulls/{first.number}/merge")
    second = await world.forge().propose(repository(world), WISH)
    assert (second.state, second.number) == (Proposed.OPEN, first.number + 1)


async def test_a_change_that_a_person_has_closed_is_left_closed(world: World) -> None:
    """Until it is another change."""
    first = await world.forge().propose(repository(world), WISH)
    await world.act("PATCH", f"/pulls/{first.number}", {"state": "closed"})
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
    assert sorted(one["title"] for one in await world.pulls()) == ["Deliver shop:2", "Deliver shop:2", "ours"]


async def test_a_refused_pull_request_names_the_right_that_is_missing(world: World) -> None:
    """And not the token."""
    with pytest.raises(TerminalError, match=r"may the token .* write pull requests") as refused:
        await world.forge("ghp_wrong").propose(repository(world), WISH)
    assert "ghp_wrong" not in str(refused.value)
