"""How often a file of flags in git asks its server: users wait for each exchange of a kill switch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from blocks.git.mirrors import Git
from sluice.flags.flag import OFF, FlagState
from tests.blocks.flags.worlds import FEATURES, FLAGD, PROD, InGit, in_git

FILES = {"features-file": ("flags/features.yml", FEATURES), "flagd-file": ("flags/flags.json", FLAGD)}
REQUESTS = 2
"""Of one exchange over http: what the server has, then what is wanted of it."""


@pytest.fixture(params=FILES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[InGit]:
    path, text = FILES[request.param]
    async with in_git(request.param, path, text, tmp_path) as opened:
        yield opened


async def seen(world: InGit, key: str) -> FlagState:
    found = await world.service().flag(key, PROD)
    assert found is not None
    return found.environments[PROD]


async def test_a_read_where_nothing_moved_and_a_turn_are_one_exchange_each(world: InGit) -> None:
    """Nothing is brought that is here, and the push itself finds out whether the branch is where it was."""
    before, asked = await seen(world, "plain-on"), len(world.server.seen)
    assert await seen(world, "plain-on") == before
    assert len(world.server.seen) == asked + REQUESTS
    await world.service().turn("plain-on", PROD, OFF, before)
    assert len(world.server.seen) == asked + 2 * REQUESTS
    assert await world.got("plain-on", "ann") == "false"


async def test_what_somebody_pushed_since_is_kept_and_the_flag_is_turned(world: InGit, tmp_path: Path) -> None:
    """The first try is on what was heard of last; the push is refused, and the turn is done on what is there now."""
    before = await seen(world, "plain-on")
    await world.person("quarter", enabled=False)
    another = replace(world, git=Git(tmp_path / "another worker"))
    theirs = await another.service().flag("quarter", PROD)
    await world.service().turn("plain-on", PROD, OFF, before)
    assert await world.got("plain-on", "ann") == "false"
    assert await world.service().flag("quarter", PROD) == theirs


async def test_a_worker_whose_copy_is_old_asks_before_it_refuses(world: InGit, tmp_path: Path) -> None:
    """It knows the flag as it was before; what it is to turn was seen by another worker."""
    await seen(world, "quarter")
    another = replace(world, git=Git(tmp_path / "another worker"))
    await world.person("quarter", enabled=False)
    now = await seen(another, "quarter")
    turned = await world.service().turn("quarter", PROD, OFF, now)
    assert turned.served.everybody == "false" or not turned.enabled
    assert turned == await seen(another, "quarter")
