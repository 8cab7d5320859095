"""The connections of a process: typed, and those that it lacks are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blocks.connections import Connections, connected, connections
from blocks.git.mirrors import Git
from sluice.errors import TerminalError


def wired(**parts: Any) -> Connections:
    nothing: Any = None
    always = dict.fromkeys(("cluster", "router", "metrics", "gates", "informers", "lease", "workers"), nothing)
    return Connections(**always, **parts)


@pytest.mark.parametrize("part", ["git", "registry", "renderer", "prefect"])
def test_a_connection_that_is_missing_is_named_where_it_is_wanted(part: str) -> None:
    """Which, and where to read how to get it: not an AttributeError of None in the middle of a stage."""
    with pytest.raises(TerminalError, match=f"no {part} connection: see `sluice up --help`"):
        getattr(wired(), part)


def test_a_connection_that_is_there_is_given_as_what_it_is(tmp_path: Path) -> None:
    """And belongs to its own connections only."""
    git = Git(home=tmp_path)
    one, other = wired(git=git), wired(git=Git(home=tmp_path / "other"))
    assert one.git is git
    assert other.git is not git


def test_releases_go_on_without_a_chat_and_a_forge() -> None:
    """They are None where an installation has none."""
    assert (wired().chat, wired().forge) == (None, None)


def test_a_stage_outside_of_a_worker_is_refused_with_the_way_out() -> None:
    """And inside of a block it has the block's connections, whatever was there before."""
    with pytest.raises(TerminalError, match="run flows through `sluice worker`"):
        connections()
    outer, inner = wired(), wired()
    with connected(outer):
        with connected(inner):
            assert connections() is inner
        assert connections() is outer
