"""What holds for every forge: run over the table, each against a server that is held to the forge's own description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from blocks.forges.asking import _resting
from blocks.forges.base import Proposed, State
from blocks.forges.github import LONGEST_DESCRIPTION as LONGEST_ON_GITHUB
from blocks.forges.github import GitHub
from blocks.forges.gitlab import LONGEST_DESCRIPTION as LONGEST_ON_GITLAB
from blocks.forges.table import FORGES, forges
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.blocks.forges.worlds import COMMIT, GOOD, MAKE, SETTINGS, WHY, WISH, World, repository


@pytest.fixture(params=FORGES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    _resting.clear()
    async with MAKE[request.param](tmp_path) as made:
        yield made


def test_every_forge_is_tried_here() -> None:
    """A row without a server to try it on would be a promise that nobody checks."""
    assert set(MAKE) == set(FORGES)


@pytest.mark.parametrize("state", State)
async def test_a_status_is_seen_next_to_the_commit(world: World, state: State) -> None:
    """Under its context, with its sentence. GitHub has no word of its own for what was given up."""
    await world.forge().set_status(repository(world), COMMIT, GOOD.model_copy(update={"state": state}))
    shown = {"github.com": {State.CANCELLED: "error"}, "gitlab.com": {State.CANCELLED: "canceled"}}[world.host]
    assert await world.shown() == [(shown.get(state, state), GOOD.context, GOOD.description)]


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


async def test_findings_are_shown_or_the_way_out_is_said(world: World) -> None:
    """As SARIF of a commit on a branch, which only GitHub takes."""
    findings = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "sluice"}}, "results": []}]}
    if world.host != "github.com":
        with pytest.raises(TerminalError, match=r"leave out spec.codeScanning"):
            await world.forge().show_findings(repository(world), "main", COMMIT, findings)
        return
    await world.forge().show_findings(repository(world), "main", COMMIT, findings)
    assert await world.findings() == [("refs/heads/main", COMMIT, findings)]
    with pytest.raises(TerminalError, match="write code scanning alerts") as refused:
        await world.forge("ghp_wrong").show_findings(repository(world), "main", COMMIT, findings)
    assert "ghp_wrong" not in str(refused.value)


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
