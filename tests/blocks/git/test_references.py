"""Which commit is wanted: branch, tag, range of tags, any reference, one commit. On real git over http."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from blocks.git.mirrors import Git, Remote
from blocks.git.references import Wanted
from sluice.errors import InvalidError, NotFoundError
from tests.blocks.git.git_server import WHO, GitServer, Repository, git


def tag(repository: Repository, name: str, commit: str, *, annotated: bool = False) -> None:
    more = ["-a", "-m", "x"] if annotated else []
    git(*WHO, "tag", "-f", *more, name, commit, folder=repository.folder)


async def both(sut: Git, remote: Remote, **wanted: Any) -> tuple[str, str]:
    """What is shown and the commit: a look says what a fetch brings."""
    seen = await sut.look(remote, Wanted(**wanted))
    found = await sut.find(remote, Wanted(**wanted))
    assert (seen.shown, seen.commit) == (found.shown, found.commit)
    assert ((await sut.tree(remote, found.commit)) / "a").is_file()
    return found.shown, found.commit


@pytest.mark.parametrize("annotated", [False, True], ids=["plain", "annotated"])
async def test_a_tag_is_its_commit(sut: Git, remote: Remote, repository: Repository, annotated: bool) -> None:
    """Also where it is an object of its own, and where somebody moved or deleted it."""
    first, second = repository.write({"a": "1"}), repository.write({"a": "2"})
    tag(repository, "v1", first, annotated=annotated)
    assert await both(sut, remote, tag="v1", branch="main") == ("v1", first)
    tag(repository, "v1", second, annotated=annotated)
    assert await both(sut, remote, tag="v1", branch="main") == ("v1", second)
    git("tag", "-d", "v1", folder=repository.folder)
    for ask in (sut.look, sut.find):
        with pytest.raises(NotFoundError, match="refs/tags/v1"):
            await ask(remote, Wanted(tag="v1"))


async def test_the_highest_tag_of_a_range(sut: Git, remote: Remote, repository: Repository) -> None:
    """A release is a new tag: the source moves to it; tags that are no versions, and those outside, do not count."""
    first = repository.write({"a": "1"})
    for name in ("v1.0.0", "1.2.0", "2.0.0", "nightly", "v1.10.0-rc.1"):
        tag(repository, name, first)
    assert await both(sut, remote, semver="1.x", tag="nightly", branch="main") == ("1.2.0", first)
    second = repository.write({"a": "2"})
    tag(repository, "v1.10.0", second, annotated=True)
    assert await both(sut, remote, semver="1.x") == ("v1.10.0", second)
    with pytest.raises(NotFoundError, match=r"no tag is in the range '>=3' .*\(6 tags\)"):
        await sut.look(remote, Wanted(semver=">=3"))
    with pytest.raises(InvalidError, match=r"spec\.ref\.semver"):
        await sut.find(remote, Wanted(semver="one"))


async def test_any_reference_by_its_whole_name(sut: Git, remote: Remote, repository: Repository) -> None:
    """A pull request's head is no branch; a name goes before all but a commit."""
    first = repository.write({"a": "1"})
    git("update-ref", "refs/pull/420/head", first, folder=repository.folder)
    repository.write({"a": "2"})
    assert await both(sut, remote, name="refs/pull/420/head", branch="main", semver="*") == (
        "refs/pull/420/head",
        first,
    )
    assert await both(sut, remote, name="refs/heads/main") == ("refs/heads/main", repository.head())
    for odd in ("main", "refs/../x", "refs/heads/a b", "--upload-pack=x"):
        with pytest.raises(InvalidError, match=r"spec\.ref\.name"):
            await sut.find(remote, Wanted(name=odd))


async def test_one_commit(sut: Git, remote: Remote, repository: Repository) -> None:
    """It stays where it is whatever moves; one that is not there is named."""
    first = repository.write({"a": "1"})
    repository.write({"a": "2"})
    assert await both(sut, remote, commit=first, branch="main") == ("main", first)
    assert await both(sut, remote, commit=first) == ("", first)
    with pytest.raises(NotFoundError, match="0000"):
        await sut.find(remote, Wanted(commit="0" * 40))


async def test_a_server_that_gives_no_commit_by_its_id(sut: Git, remote: Remote, repository: Repository) -> None:
    """Then all of the branch comes, and the commit is on it."""
    first = repository.write({"a": "1"})
    repository.write({"a": "2"})
    git("config", "protocol.version", "0", folder=repository.folder)
    git("config", "uploadpack.advertiseRef", "false", folder=repository.folder)
    for protocol in ("allowTipSHA1InWant", "allowReachableSHA1InWant", "allowAnySHA1InWant"):
        git("config", f"uploadpack.{protocol}", "false", folder=repository.folder)
    assert (await sut.find(remote, Wanted(commit=first, branch="main"))).commit == first


async def test_a_default_branch_that_was_renamed_is_named(sut: Git, remote: Remote, repository: Repository) -> None:
    """Flux follows `master` where nothing is written; the way out is in the message."""
    repository.write({"a": "1"})
    for ask in (sut.look, sut.find):
        with pytest.raises(NotFoundError, match=r"the default branch is 'main': set spec\.ref\.branch"):
            await ask(remote, Wanted(branch="master"))


async def test_what_one_may_read_is_not_there_for_another(
    tmp_path: Path, server: GitServer, repository: Repository
) -> None:
    """Two sources with one URL and different Secrets: a commit that one of them brought is not in the other's mirror."""
    commit = repository.write({"a": "secret"})
    sut = Git(tmp_path / "home")
    url = f"{server.url}/team.git"
    one, other = Remote.of(url, owner="team/login"), Remote.of(url, owner="others/login")
    await sut.find(one, Wanted(commit=commit))
    server.status = 403
    with pytest.raises(Exception, match="403"):
        await sut.find(other, Wanted(commit=commit))
    with pytest.raises(NotFoundError):
        await sut.tree(other, commit)
