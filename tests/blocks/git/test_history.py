"""The messages of the commits between two images' commits. On real git over http."""

from __future__ import annotations

import pytest

from blocks.git.history import messages as history
from blocks.git.history.messages import messages
from blocks.git.mirrors import Git, Remote
from sluice.errors import InvalidError, SluiceError
from tests.blocks.git.git_server import Repository, git


def five(repository: Repository) -> list[str]:
    """Five commits."""
    return [repository.write({"a": str(n)}, message=f"Change {n}\n\nFlag: flag-{n}\n") for n in range(5)]


async def test_the_messages_between_two_commits(sut: Git, remote: Remote, repository: Repository) -> None:
    """Newest first; what the older image had already is not among them."""
    commits = five(repository)
    found = await messages(sut, remote, commits[1], commits[3])
    assert found == [(commits[n], f"Change {n}\n\nFlag: flag-{n}\n") for n in (3, 2)]
    assert await messages(sut, remote, commits[3], commits[3]) == []
    assert len(await messages(sut, remote, commits[0], commits[4])) == 4


async def test_files_are_not_brought_and_those_who_need_them_get_them(
    sut: Git, remote: Remote, repository: Repository
) -> None:
    """The copy that files are laid out of is another one."""
    git("config", "uploadpack.allowFilter", "true", folder=repository.folder)
    commits = five(repository)
    await messages(sut, remote, commits[0], commits[4])
    commit = await sut.fetch(remote, "main")
    assert ((await sut.tree(remote, commit)) / "a").read_text() == "4"
    assert len(await messages(sut, remote, commits[0], commits[4])) == 4


@pytest.mark.parametrize("since", ["main", "1a2b3", "1a2b3c4-dirty", "--all", ""])
async def test_what_is_no_commit_is_asked_nobody_for(sut: Git, remote: Remote, since: str) -> None:
    """A label may have anything in it."""
    with pytest.raises(InvalidError, match="is not the id of a commit"):
        await messages(sut, remote, since, "1" * 40)


async def test_an_image_that_is_too_old_or_of_another_branch_says_so(
    sut: Git, remote: Remote, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback to an older image has no commits of its own either."""
    commits = five(repository)
    monkeypatch.setattr(history, "MOST", 2)
    with pytest.raises(InvalidError, match="is not among the 2 commits before"):
        await messages(sut, remote, commits[0], commits[4])
    with pytest.raises(InvalidError, match="is not among the 2 commits before"):
        await messages(sut, remote, commits[4], commits[2])


async def test_a_commit_that_was_rewritten_away_is_an_error(sut: Git, remote: Remote, repository: Repository) -> None:
    """Somebody pushed over it, and the server has forgotten it."""
    commits = five(repository)
    with pytest.raises(SluiceError):
        await messages(sut, remote, commits[0], "1" * 40)


async def test_a_short_id_is_looked_for_on_the_branch(sut: Git, remote: Remote, repository: Repository) -> None:
    """Many builds label images with what `git rev-parse --short` gives; a server cannot be asked for that."""
    commits = five(repository)
    found = await messages(sut, remote, commits[1][:8], commits[3][:8], "main")
    assert [commit for commit, _ in found] == [commits[3], commits[2]]
    assert await messages(sut, remote, commits[1][:8], commits[3]) == found
    with pytest.raises(InvalidError, match="there is no branch to look for it"):
        await messages(sut, remote, commits[1], commits[3][:8])
    with pytest.raises(InvalidError, match="is not among the last 200 commits of branch main"):
        await messages(sut, remote, commits[1], "0000000", "main")
