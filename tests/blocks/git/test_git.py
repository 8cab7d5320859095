"""Git: follow a branch, and write to it without ever losing anybody's commit. On real git over http."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blocks.git.edits import Would
from blocks.git.mirrors import Author, Edit, Files, Git, Remote
from sluice.errors import ConflictError, InvalidError, NotFoundError, TerminalError, TransientError
from tests.blocks.git.git_server import GitServer, Repository, git

MARK = "$mark"
SHOP, CART = "image: shop:1 # $mark\nkeep: é\r\n", "image: cart:1 # $mark\n"


@pytest.fixture
def repository(server: GitServer) -> Repository:
    made = Repository(server.root / "team.git")
    made.write({"apps/shop.yaml": SHOP, "apps/cart.yml": CART, "apps/free.yaml": "a: 1\n", "README.md": "$mark shop:1"})
    return made


@pytest.fixture
def remote(server: GitServer, repository: Repository) -> Remote:
    return Remote(url=f"{server.url}/team.git", timeout=20)


@pytest.fixture
def sut(tmp_path: Path) -> Git:
    return Git(tmp_path / "home", clock=lambda: 1_700_000_000)


def edit(old: str, new: str, **more: str) -> Edit:
    def change(files: Files) -> Files:
        return {path: text.replace(old, new) for path, text in files.items()}

    settings = {"branch": "main", "mark": MARK} | more
    return Edit(change=change, message=lambda: f"{old} to {new}", author=Author("bot", "bot@example.com"), **settings)


async def test_a_branch_is_followed(sut: Git, remote: Remote, repository: Repository) -> None:
    """Each fetch tells the commit that the server is at, also after somebody rewrote the branch."""
    first = await sut.fetch(remote, "main")
    assert first == repository.head()
    second = repository.write({"b": "2"})
    assert await sut.fetch(remote, "main") == second
    git("update-ref", "refs/heads/main", first, folder=repository.folder)
    repository.write({"c": "3"})
    assert await sut.fetch(remote, "main") == repository.head()
    assert (await sut.tree(remote, second) / "b").read_text() == "2"
    with pytest.raises(NotFoundError):
        await sut.tree(remote, "0" * 40)


async def test_those_who_ask_at_once_share_one_exchange(
    sut: Git, remote: Remote, repository: Repository, server: GitServer
) -> None:
    """Twenty directories of one repository are one question; whoever asks later gets an answer of his own."""
    await sut.fetch(remote, "main")
    server.seen.clear()
    await sut.fetch(remote, "main")
    one = len(server.seen)
    server.seen.clear()
    heads = await asyncio.gather(*(sut.fetch(remote, "main") for _ in range(20)))
    assert len(server.seen) <= 2 * one, "the first asked alone, all the others together"
    assert set(heads) == {repository.head()}
    newer = repository.write({"b": "2"})
    assert await sut.fetch(remote, "main") == newer


async def test_a_commits_files_are_laid_out_once(sut: Git, remote: Remote, repository: Repository) -> None:
    """Bytes as they were committed, with no filter and no line ends changed; the same commit is the same directory."""
    repository.write({".gitattributes": "* text eol=crlf filter=x\n", "bin": b"\x00\xff\n", "deep/er/file": "x\n"})
    commit = await sut.fetch(remote, "main")
    one, other = await asyncio.gather(sut.tree(remote, commit), sut.tree(remote, commit))
    assert one == other
    assert (one / "apps/shop.yaml").read_bytes() == SHOP.encode()
    assert (one / "bin").read_bytes() == b"\x00\xff\n"
    assert (one / "deep/er/file").read_text() == "x\n"
    with pytest.raises(NotFoundError, match="0000"):
        await sut.tree(remote, "0" * 40)


async def test_an_edit_becomes_one_commit(sut: Git, remote: Remote, repository: Repository) -> None:
    """Author, date and message as asked; only the file that changed is in it, and only in the bytes that changed."""
    before = repository.head()
    made = await sut.commit(remote, edit("shop:1", "shop:2"))
    assert (made.id, made.files, made.tries) == (repository.head(), ("apps/shop.yaml",), 1)
    assert repository.log("%P|%an|%ae|%at|%s")[0] == f"{before}|bot|bot@example.com|1700000000|shop:1 to shop:2"
    changed = git("diff", "--name-only", before, made.id, folder=repository.folder)
    assert changed == "apps/shop.yaml"
    raw = git("cat-file", "-s", f"{made.id}:apps/shop.yaml", folder=repository.folder)
    assert int(raw) == len(SHOP.encode())
    assert repository.read("README.md") == "$mark shop:1", "a file that is no YAML was edited"


async def test_an_edit_that_is_there_already_writes_nothing(sut: Git, remote: Remote, repository: Repository) -> None:
    """The same delivery twice is one commit; what others pushed since is seen before that is said."""
    made = await sut.commit(remote, edit("shop:1", "shop:2"))
    again = await sut.commit(remote, edit("shop:1", "shop:2"))
    assert (again.id, again.files) == (made.id, ())
    repository.write({"apps/shop.yaml": SHOP})
    third = await sut.commit(remote, edit("shop:1", "shop:2"))
    assert third.files == ("apps/shop.yaml",)


async def test_two_edits_at_once_both_land(tmp_path: Path, remote: Remote, repository: Repository) -> None:
    """Two workers with mirrors of their own: neither takes the other's change back."""
    workers = [Git(tmp_path / f"worker{number}") for number in range(2)]
    for worker in workers:
        await worker.fetch(remote, "main")
    made = await asyncio.gather(
        workers[0].commit(remote, edit("shop:1", "shop:2")), workers[1].commit(remote, edit("cart:1", "cart:2"))
    )
    assert all(one.files for one in made)
    assert "shop:2" in repository.read("apps/shop.yaml")
    assert "cart:2" in repository.read("apps/cart.yml")
    assert len(repository.log()) == 3


async def test_somebody_elses_push_is_never_lost(sut: Git, remote: Remote, repository: Repository) -> None:
    """What we know of the branch is old: the edit is done anew on what is there now."""
    await sut.fetch(remote, "main")
    theirs = repository.write({"apps/new.yaml": "image: shop:1 # $mark\n"}, message="theirs")
    made = await sut.commit(remote, edit("shop:1", "shop:2"))
    assert made.tries == 2
    assert made.files == ("apps/new.yaml", "apps/shop.yaml")
    assert repository.log("%P")[0] == theirs


async def test_an_edit_gives_up_where_others_never_stop(tmp_path: Path, remote: Remote, repository: Repository) -> None:
    """A conflict, to be retried later, and nothing of ours on the branch."""
    sut = Git(tmp_path / "home", redo=2)

    def change(files: Files) -> Files:
        repository.write({"busy": str(len(repository.log()))}, message="busy")
        return {path: text.replace("shop:1", "shop:2") for path, text in files.items()}

    busy = Edit(branch="main", change=change, message=lambda: "ours", author=Author("a", "b"), mark=MARK)
    with pytest.raises(ConflictError):
        await sut.commit(remote, busy)
    assert "ours" not in repository.log()


async def test_edits_stay_below_their_directory(sut: Git, remote: Remote, repository: Repository) -> None:
    """`spec.update.path` fences what an automation may touch, and cannot be climbed over."""
    repository.write({"other/shop.yaml": SHOP})
    made = await sut.commit(remote, edit("shop:1", "shop:2", under="./other"))
    assert made.files == ("other/shop.yaml",)
    for escape in ("../x", "/etc", "a/../../b", ".git"):
        with pytest.raises(InvalidError, match="out of the repository"):
            await sut.commit(remote, edit("shop:1", "shop:3", under=escape))


async def test_another_branch_gets_the_change_and_the_first_stays(
    sut: Git, remote: Remote, repository: Repository
) -> None:
    """For teams that want a pull request: the push goes beside, also when the branch is there already."""
    before = repository.head()
    repository.write({"old": "1"}, branch="deliver")
    made = await sut.commit(remote, edit("shop:1", "shop:2", push_to="deliver"))
    assert repository.head("deliver") == made.id
    assert repository.head() == before
    assert "shop:2" in repository.read("apps/shop.yaml", "deliver")


async def test_odd_names_and_authors_do_no_harm(sut: Git, remote: Remote, repository: Repository) -> None:
    """Spaces, quotes, other alphabets and bytes that are no text; an author cannot write a header of his own."""
    names = ["sp ace.yaml", "ü.yaml", '\\"q\\".yaml']
    repository.write({f'"odd/{name}"': "image: shop:1 # $mark\n" for name in names} | {'"odd/\\377.yaml"': SHOP})
    odd = edit("shop:1", "shop:2", under="odd")
    sly = Edit(**{**{name: getattr(odd, name) for name in odd.__slots__}, "author": Author("a\n> b <c", "x@y\nz")})
    made = await sut.commit(remote, sly)
    assert len(made.files) == 4
    assert repository.log("%an|%ae")[0] == "a b c|x@yz"


BRANCHES = ["--upload-pack=x", "-x", "", "a..b", "a b", "a:b", "a^", "/a", ".a", "a/", "@", "a.lock", "a\n"]


@pytest.mark.parametrize("branch", BRANCHES)
async def test_what_is_no_branch_is_refused(sut: Git, remote: Remote, branch: str) -> None:
    """No branch name becomes an option or another reference of git."""
    with pytest.raises(InvalidError, match="not the name of a branch"):
        await sut.fetch(remote, branch)
    with pytest.raises(InvalidError, match="not the name of a branch"):
        await sut.commit(remote, edit("a", "b", push_to=branch or "-", branch="main"))


@pytest.mark.parametrize(
    ("path", "branch", "error"),
    [("/team.git", "nowhere", NotFoundError), ("/nothing.git", "main", NotFoundError)],
    ids=["no branch", "no repository"],
)
async def test_what_is_not_there_is_not_asked_for_again(
    sut: Git, server: GitServer, repository: Repository, path: str, branch: str, error: type[Exception]
) -> None:
    """A spelling mistake is told at once, with the URL."""
    with pytest.raises(error, match=path):
        await sut.fetch(Remote(url=server.url + path), branch)


@pytest.mark.parametrize(
    ("status", "error"), [(500, TransientError), (503, TransientError), (429, TransientError), (403, TerminalError)]
)
async def test_a_server_in_trouble_is_asked_again_later_a_refusal_is_not(
    sut: Git, server: GitServer, remote: Remote, status: int, error: type[Exception]
) -> None:
    """What may pass and what may not are different errors."""
    server.status = status
    with pytest.raises(error):
        await sut.fetch(remote, "main")


async def test_a_push_that_a_hook_declines_is_final(sut: Git, remote: Remote, repository: Repository) -> None:
    """A protected branch says no to every try: a person has to act."""
    hook = repository.folder / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho protected; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(TerminalError, match="hook declined"):
        await sut.commit(remote, edit("shop:1", "shop:2"))


async def test_a_protocol_that_is_not_allowed_is_refused(tmp_path: Path, repository: Repository) -> None:
    """A source cannot make us read this machine's files; an installation may allow it."""
    here = Remote(url=f"file://{repository.folder}")
    with pytest.raises(TerminalError, match="not allowed"):
        await Git(tmp_path / "one").fetch(here, "main")
    allowed = Git(tmp_path / "two", protocols=frozenset({"file"}))
    assert await allowed.fetch(here, "main") == repository.head()


async def test_old_trees_are_forgotten_but_not_under_anybodys_hands(
    tmp_path: Path, remote: Remote, repository: Repository
) -> None:
    """The newest few stay, and every one for ten minutes."""
    now: list[float] = [0.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731 - a clock that the test moves
    sut = Git(tmp_path / "home", clock=clock)
    trees = []
    for number in range(7):
        repository.write({"n": str(number)})
        trees.append(await sut.tree(remote, await sut.fetch(remote, "main")))
    assert all(tree.is_dir() for tree in trees)
    now[0] = trees[0].stat().st_mtime + 3600
    repository.write({"n": "last"})
    last = await sut.tree(remote, await sut.fetch(remote, "main"))
    assert sum(tree.is_dir() for tree in [*trees, last]) == 5
    assert last.is_dir()


async def test_another_branch_gets_the_change_as_the_first_is_now(
    sut: Git, remote: Remote, repository: Repository
) -> None:
    """Main moves between two updates: the second is made on main as it is, and lacks nothing of it."""
    await sut.commit(remote, edit("shop:1", "shop:2", push_to="updates"))
    theirs = repository.write({"apps/new.yaml": "image: shop:1 # $mark\n"}, message="theirs")
    made = await sut.commit(remote, edit("shop:1", "shop:3", push_to="updates"))
    assert (made.base, made.id) == (theirs, repository.head("updates"))
    assert repository.log("%P", branch="updates")[0] == theirs
    assert "shop:3" in repository.read("apps/new.yaml", "updates")


async def test_another_branch_that_has_the_change_already_is_left_as_it_is(
    sut: Git, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    """A pull request is not pushed to again each minute; a worker that knows nothing of it sees that too."""
    made = await sut.commit(remote, edit("shop:1", "shop:2", push_to="updates"))
    for worker in (sut, Git(tmp_path / "other", clock=lambda: 1_800_000_000)):
        again = await worker.commit(remote, edit("shop:1", "shop:2", push_to="updates"))
        assert (again.id, again.files, again.waiting) == (made.id, (), ("apps/shop.yaml",))
        assert await worker.would_change(remote, edit("shop:1", "shop:2", push_to="updates")) == Would(
            made.base, (), ("apps/shop.yaml",)
        )
    assert repository.head("updates") == made.id
    git("update-ref", "refs/heads/main", made.id, folder=repository.folder)
    merged = await sut.commit(remote, edit("shop:1", "shop:2", push_to="updates"))
    assert (merged.files, merged.waiting) == ((), ())


async def test_what_would_change_is_known_without_a_commit(sut: Git, remote: Remote, repository: Repository) -> None:
    """As the server has it now, and nothing is pushed."""
    await sut.fetch(remote, "main")
    head = repository.write({"apps/new.yaml": "image: shop:1 # $mark\n"})
    would = await sut.would_change(remote, edit("shop:1", "shop:2"))
    assert would == Would(head, ("apps/new.yaml", "apps/shop.yaml"))
    assert repository.head() == head


async def test_marks_are_found_in_every_name_that_kustomize_reads(
    sut: Git, remote: Remote, repository: Repository
) -> None:
    """A file named `Kustomization` has no ending; `spec.update.path` may be one file; names are no patterns."""
    repository.write(
        {"a/Kustomization": SHOP, "a/b/Kustomization": SHOP, "a/NoKustomization": SHOP, "a[1]/x.yaml": SHOP}
    )
    assert (await sut.would_change(remote, edit("shop:1", "shop:2", under="a"))).files == (
        "a/Kustomization",
        "a/b/Kustomization",
    )
    assert (await sut.would_change(remote, edit("shop:1", "shop:2", under="a/b/Kustomization"))).files == (
        "a/b/Kustomization",
    )
    assert (await sut.would_change(remote, edit("shop:1", "shop:2", under="a[1]"))).files == ("a[1]/x.yaml",)


async def test_a_push_goes_to_a_refspec_too(sut: Git, remote: Remote, repository: Repository) -> None:
    """Gerrit and Gitea take changes at references of their own."""
    made = await sut.commit(remote, edit("shop:1", "shop:2", push_to="auto", refspec="refs/heads/auto:refs/for/main"))
    assert git("rev-parse", "refs/for/main", folder=repository.folder) == made.id == repository.head("auto")
    for wrong in ("refs/heads/main:refs/heads/x", "refs/heads/auto", "refs/heads/auto:main", ":refs/heads/main"):
        with pytest.raises(InvalidError, match=r"spec\.git\.push\.refspec"):
            await sut.commit(remote, edit("shop:2", "shop:3", push_to="auto", refspec=wrong))


async def test_push_options_reach_the_server(sut: Git, remote: Remote, repository: Repository) -> None:
    """GitLab makes a merge request of them; a server that takes none says so for good."""
    asked = Edit(**{**settings_of(edit("shop:1", "shop:2")), "options": {"merge_request.create": "", "topic": "a b"}})
    with pytest.raises(TerminalError, match="push options"):
        await sut.commit(remote, asked)
    git("config", "receive.advertisePushOptions", "true", folder=repository.folder)
    hook = repository.folder / "hooks" / "pre-receive"
    hook.write_text('#!/bin/sh\necho "$GIT_PUSH_OPTION_COUNT/$GIT_PUSH_OPTION_0/$GIT_PUSH_OPTION_1" > options\n')
    hook.chmod(0o755)
    await sut.commit(remote, asked)
    assert (repository.folder / "options").read_text() == "2/merge_request.create/topic=a b\n"


def settings_of(one: Edit) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
