"""What only GitLab does, or does otherwise."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from blocks.forges.asking import _resting
from blocks.forges.base import Proposed
from sluice.errors import TransientError
from tests.blocks.forges.worlds import WHY, WISH, OnGitLab, on_gitlab, repository


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


async def test_of_a_group_those_are_asked_who_may_approve(on_lab: OnGitLab) -> None:
    """CODEOWNERS name groups, and GitLab asks people: developers and above, who are not blocked. Nobody is asked twice."""
    there = [("ann", 30, "active"), ("bob", 40, "active"), ("eve", 20, "active"), ("kim", 50, "blocked")]
    on_lab.server.users |= {"eve": 9, "kim": 10}
    on_lab.server.groups["team/owners"] = [
        {"id": on_lab.server.users[name], "username": name, "access_level": level, "state": state}
        for name, level, state in there
    ]
    wish = WISH.model_copy(update={"reviewers": ("@bob", "@team/owners", "@others", "@@maintainer")})
    made = await on_lab.forge().propose(f"https://{on_lab.host}/team/shop", wish)
    assert await on_lab.asked() == ["bob", "ann"]
    assert made.unasked == ("@others", "@@maintainer")


async def test_a_project_in_groups_of_groups_is_found(on_lab: OnGitLab) -> None:
    """Its path is one part of the address, with `%2F` for each slash."""
    on_lab.server.projects.add("team/apps/web/shop")
    made = await on_lab.forge().propose(repository(on_lab, "team/apps/web/shop"), WISH)
    assert made.state is Proposed.OPEN
