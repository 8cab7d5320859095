"""A branch of sluice's own, and what history says: with a real git and a server, against what people push meanwhile."""

from __future__ import annotations

import pytest

from blocks.git.branches.history import authors, contains, with_history
from blocks.git.branches.proposed import Change, Did, Put, put, take_away
from blocks.git.commit import Author
from blocks.git.mirrors import Git, Remote
from sluice.errors import ConflictError, InvalidError, NotFoundError
from tests.blocks.git.git_server import GitServer, Repository, git

BRANCH = "sluice/remove-flag/new-checkout"
AUTHOR = Author("sluice", "sluice@localhost")
TEXT = "if on('new-checkout'):\r\n\tnew()\r\n"


@pytest.fixture
def repository(server: GitServer) -> Repository:
    made = Repository(server.root / "shop.git")
    made.write({"a b.py": TEXT, "old.py": "x = 1\n", "other.py": "y = 1\n"})
    return made


def change(base: str, name: str = "1", **files: str | None) -> Change:
    return Change(
        branch=BRANCH,
        base=base,
        files={path.replace("__", "."): text for path, text in files.items()}
        or {"a b.py": "new()\r\n", "old.py": None},
        message=f"Remove it\n\nSluice-Change: {name}\n",
        mark=f"Sluice-Change: {name}",
        ours="Sluice-Change:",
        author=AUTHOR,
    )


async def pushed(sut: Git, server: GitServer, made: Change, before: object = None) -> Put:
    async with sut.hold(Remote.of(f"{server.url}/shop.git")) as mirror:
        await mirror.fetch("main")
        return await put(mirror, made, 1_700_000_000)


async def test_a_branch_gets_the_change_and_no_other_byte(sut: Git, server: GitServer, repository: Repository) -> None:
    """A file goes, a file changes, the others are the very blobs."""
    base = repository.head()
    found = await pushed(sut, server, change(base))
    assert found.did is Did.PUSHED
    assert repository.head(BRANCH) == found.commit
    names = git("diff", "--name-status", "-z", base, found.commit, folder=repository.folder).split("\0")
    assert names[:4] == ["M", "a b.py", "D", "old.py"]
    assert git("show", f"{found.commit}:a b.py", folder=repository.folder) == "new()"


async def test_a_change_that_is_there_is_not_pushed_once_more(
    sut: Git, server: GitServer, repository: Repository
) -> None:
    """Also where the branch that it is for has moved meanwhile: reviews stay."""
    first = await pushed(sut, server, change(repository.head()))
    repository.write({"unrelated.py": "z = 1\n"})
    again = await pushed(sut, server, change(repository.head()))
    assert again == Put(Did.SAME, first.commit)


async def test_another_change_takes_the_place_of_sluice_s_own(
    sut: Git, server: GitServer, repository: Repository
) -> None:
    """One commit on the newest base, not a heap of them."""
    await pushed(sut, server, change(repository.head()))
    base = repository.write({"a b.py": "more\n" + TEXT})
    newer = await pushed(sut, server, change(base, "2"))
    assert newer.did is Did.PUSHED
    assert repository.log("%H", BRANCH)[:2] == [newer.commit, base]


async def test_a_person_s_commit_is_kept(sut: Git, server: GitServer, repository: Repository) -> None:
    """Whatever the flag does; and it is not deleted with the pull request either."""
    await pushed(sut, server, change(repository.head()))
    theirs = repository.write({"a b.py": "by hand\n"}, branch=BRANCH)
    assert await pushed(sut, server, change(repository.head(), "2")) == Put(Did.KEPT, theirs)
    async with sut.hold(Remote.of(f"{server.url}/shop.git")) as mirror:
        assert not await take_away(mirror, BRANCH, "Sluice-Change:")
    assert repository.head(BRANCH) == theirs


async def test_a_push_of_a_person_in_that_very_moment_is_kept(
    sut: Git, server: GitServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our look and our push."""
    from blocks.git.branches import proposed

    await pushed(sut, server, change(repository.head()))
    real, theirs = proposed._made, ""

    async def slowly(*given: object) -> str:
        nonlocal theirs
        made = await real(*given)  # type: ignore[arg-type]
        theirs = repository.write({"a b.py": "by hand\n"}, branch=BRANCH)
        return made

    monkeypatch.setattr(proposed, "_made", slowly)
    with pytest.raises(ConflictError):
        await pushed(sut, server, change(repository.head(), "2"))
    assert repository.head(BRANCH) == theirs


async def test_a_branch_that_somebody_makes_in_that_very_moment_is_kept(
    sut: Git, server: GitServer, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not there when we looked."""
    from blocks.git.branches import proposed

    real = proposed._made

    async def slowly(*given: object) -> str:
        repository.write({"a b.py": "by hand\n"}, branch=BRANCH)
        return await real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(proposed, "_made", slowly)
    with pytest.raises(ConflictError):
        await pushed(sut, server, change(repository.head()))
    assert repository.read("a b.py", BRANCH) == "by hand"


async def test_sluice_s_own_branch_is_taken_away_and_that_may_be_repeated(
    sut: Git, server: GitServer, repository: Repository
) -> None:
    """When the flag moves again nothing of it stays."""
    await pushed(sut, server, change(repository.head()))
    async with sut.hold(Remote.of(f"{server.url}/shop.git")) as mirror:
        assert await take_away(mirror, BRANCH, "Sluice-Change:")
        assert await take_away(mirror, BRANCH, "Sluice-Change:")
    assert git("for-each-ref", "refs/heads/sluice", folder=repository.folder) == ""


async def test_no_path_leads_out(sut: Git, server: GitServer, repository: Repository) -> None:
    """A remover's answer is not trusted more than a repository."""
    bad = Change(**{**{f: getattr(change(repository.head()), f) for f in Change.__slots__}, "files": {"../x": "y"}})
    with pytest.raises(InvalidError, match="leads out"):
        await pushed(sut, server, bad)


async def test_who_wrote_a_line(sut: Git, server: GitServer, repository: Repository) -> None:
    """Of a mirror that had only the newest commit; a line that is not there has nobody."""
    repository.write({"other.py": "y = 1\nz = 2\n"})
    async with sut.hold(Remote.of(f"{server.url}/shop.git")) as mirror:
        head = await mirror.fetch("main")
        await with_history(mirror, "main")
        found = await authors(mirror, head, [("other.py", 2), ("other.py", 99), ("gone.py", 1), ("-x", 1)])
    assert found == {("other.py", 2): "Bob"}


async def test_whether_a_commit_is_in_another_s_past(sut: Git, server: GitServer, repository: Repository) -> None:
    """A branch that was rewritten is an answer of its own: not known."""
    old, new = repository.head(), repository.write({"x.py": "x\n"})
    async with sut.hold(Remote.of(f"{server.url}/shop.git")) as mirror:
        await mirror.fetch("main")
        await with_history(mirror, "main")
        assert await contains(mirror, new, old)
        assert await contains(mirror, new, new)
        assert not await contains(mirror, old, new)
        with pytest.raises(NotFoundError, match="rewritten"):
            await contains(mirror, new, "c" * 40)
