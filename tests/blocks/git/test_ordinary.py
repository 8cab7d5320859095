"""Git as it is in the ordinary world: killed in the middle, branches renamed, files of zeros, somebody else's ssh key."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.git.checkout import Checkout, Plan
from blocks.git.mirror import hold
from blocks.git.mirrors import Git, Remote
from blocks.git.program import GitProgram
from blocks.git.references import Wanted
from sluice.credentials import GitCredentials
from sluice.errors import InvalidError, TerminalError, TransientError
from sluice.sync.bounds import Bounds
from tests.blocks.git.git_server import GitServer, Repository, git
from tests.blocks.git.test_safety import running_with

MIB = 1 << 20


def mirror(home: Path) -> Path:
    (folder,) = (home / "mirrors").glob("*.git")
    return folder


@pytest.mark.parametrize("left", ["shallow.lock", "packed-refs.lock", "config.lock", "HEAD.lock"])
async def test_what_a_killed_git_left_behind_does_not_stop_the_next(
    sut: Git, remote: Remote, repository: Repository, tmp_path: Path, left: str
) -> None:
    """A worker that dies in a fetch leaves git's locks; who holds the mirror next knows that nobody else has them."""
    repository.write({"a": "1"})
    await sut.fetch(remote, "main")
    (mirror(tmp_path / "home") / left).touch()
    second = repository.write({"a": "2"})
    assert await sut.fetch(remote, "main") == second


async def test_a_reference_lock_that_was_left_is_put_away(
    sut: Git, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    """Also that of the one branch, wherever it is kept."""
    repository.write({"a": "1"})
    await sut.fetch(remote, "main")
    (kept,) = (path for path in (mirror(tmp_path / "home") / "refs").rglob("*") if path.is_file())
    kept.with_name(f"{kept.name}.lock").touch()
    second = repository.write({"a": "2"})
    assert await sut.fetch(remote, "main") == second


@pytest.mark.parametrize("broken", ["pack", "ref", "half made"])
async def test_a_mirror_that_is_not_whole_is_made_once_more(
    sut: Git, remote: Remote, repository: Repository, tmp_path: Path, broken: str
) -> None:
    """A machine that lost its power in the middle of a write: the mirror is a copy, and nobody has to repair it."""
    repository.write({"a": "1" * 4000})
    await sut.fetch(remote, "main")
    folder = mirror(tmp_path / "home")
    if broken == "half made":
        (folder / "config").unlink()
        for path in (folder / "objects").rglob("*"):
            path.unlink() if path.is_file() else None
        (folder / "objects").rename(folder / "gone")
    else:
        pattern = "objects/**/*" if broken == "pack" else "refs/**/*"
        for path in folder.glob(pattern):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(b"" if broken == "pack" else b"\0" * 41)
    second = repository.write({"a": "2"})
    assert await sut.fetch(remote, "main") == second
    assert (await sut.tree(remote, second) / "a").read_text() == "2"


async def test_git_is_asked_to_end_before_it_is_killed(tmp_path: Path) -> None:
    """At SIGTERM git puts its own locks away; only what does not listen is killed."""
    heard = tmp_path / "heard"
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\ntrap 'echo asked > {heard}; exit 1' TERM\nsleep 30 & wait\n")
    program.chmod(0o755)
    sut = GitProgram(path=str(program), home=tmp_path)
    with pytest.raises(TransientError, match="took longer"):
        await sut.run("fetch", folder=tmp_path, timeout=0.5)
    assert heard.read_text() == "asked\n"
    program.write_text("#!/bin/sh\ntrap '' TERM\nsleep 31 & wait; sleep 31\n")
    with pytest.raises(TransientError, match="took longer"):
        await sut.run("fetch", folder=tmp_path, timeout=0.5)
    assert running_with("sleep 31") == []


async def test_a_branch_that_is_renamed_below_its_old_name_is_fetched(
    sut: Git, remote: Remote, repository: Repository
) -> None:
    """`release` → `release/1.0`, which git cannot have at once; and back again."""
    repository.write({"a": "1"}, branch="release")
    await sut.fetch(remote, "release")
    git("update-ref", "-d", "refs/heads/release", folder=repository.folder)
    below = repository.write({"a": "2"}, branch="release/1.0")
    assert await sut.fetch(remote, "release/1.0") == below
    git("update-ref", "-d", "refs/heads/release/1.0", folder=repository.folder)
    back = repository.write({"a": "3"}, branch="release")
    assert await sut.fetch(remote, "release") == back


async def test_a_branch_that_was_rewritten_brings_only_what_it_is_now(
    sut: Git, remote: Remote, repository: Repository, tmp_path: Path
) -> None:
    """A force push may put a branch onto another past, however long that is."""
    repository.write({"a": "1"})
    await sut.fetch(remote, "main")
    for number in range(20):
        last = repository.write({"b": str(number)}, branch="other")
    git("update-ref", "refs/heads/main", last, folder=repository.folder)
    assert await sut.fetch(remote, "main") == last
    count = git("rev-list", "--count", last, folder=mirror(tmp_path / "home"))
    assert count == "1"


async def test_zeros_are_refused_before_they_are_unpacked(sut: Git, remote: Remote, repository: Repository) -> None:
    """400 MB on disk are 400 kB on the wire: refused with the file and the way out, and this process does not grow."""
    zeros(repository, "zeros.bin", 400 * MIB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    commit = await sut.fetch(remote, "main")
    with pytest.raises(InvalidError, match=r"zeros\.bin: with its 400 MiB .* spec\.ignore"):
        await sut.tree(remote, commit)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert await sut.fetch(remote, "main") == commit


async def test_what_fits_is_streamed(sut: Git, remote: Remote, repository: Repository) -> None:
    """A large file that is allowed is never whole in the memory of the process that carries all rollouts."""
    zeros(repository, "large.bin", 200 * MIB)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tree = await sut.tree(remote, await sut.fetch(remote, "main"))
    assert (tree / "large.bin").stat().st_size == 200 * MIB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


async def test_too_many_files_are_refused(tmp_path: Path, sut: Git, remote: Remote, repository: Repository) -> None:
    """Each costs an inode and a system call; what is left out is not counted."""
    commit = repository.write({f"f{number}": "x" for number in range(12)})
    await sut.fetch(remote, "main")
    program, few = GitProgram(home=tmp_path), Bounds(files=10)
    with pytest.raises(InvalidError, match="more than 10 files"):
        await Checkout(program, tmp_path / "home/mirrors", Plan(), few).lay_out(remote, commit, tmp_path)
    (tmp_path / "tree").mkdir()
    plan = Plan(ignores=True, ignore="/f1*")
    await Checkout(program, tmp_path / "home/mirrors", plan, few).lay_out(remote, commit, tmp_path / "tree")
    assert len(list((tmp_path / "tree").iterdir())) == 9


async def test_a_server_that_sends_without_end_is_stopped(
    tmp_path: Path, remote: Remote, repository: Repository
) -> None:
    """What git writes to disk in one exchange is bounded, whatever the server has; the mirror is usable after it."""
    repository.write({"noise": os.urandom(3 * MIB)})
    program = GitProgram(home=tmp_path, most=MIB)
    async with hold(program, tmp_path, remote) as held:
        with pytest.raises((TerminalError, TransientError)):
            await held.fetch("main")
        git("update-ref", "-d", "refs/heads/main", folder=repository.folder)
        small = repository.write({"a": "1"})
        assert await held.fetch("main") == small


@pytest.mark.parametrize("password", ["", "p-of-the-bot"], ids=["open", "with a login"])
async def test_a_repository_that_was_renamed_is_followed_on_its_host(
    sut: Git, server: GitServer, repository: Repository, password: str
) -> None:
    """As a forge redirects the old name; with the login, which is right there. A circle ends."""
    commit = repository.write({"a": "1"})
    server.password, server.renamed = password, {"/old.git": "/team.git"}
    login = GitCredentials(username="bot", password=SecretStr(password)) if password else None
    old = Remote(url=f"{server.url}/old.git", credentials=login)
    assert (await sut.look(old, Wanted(branch="main"))).commit == commit
    assert await sut.fetch(old, "main") == commit
    assert (await sut.tree(old, commit) / "a").read_text() == "1"
    server.renamed = {"/old.git": "/older.git", "/older.git": "/old.git"}
    with pytest.raises((TerminalError, TransientError)):
        await sut.fetch(old, "main")


async def test_without_a_secret_no_key_of_the_operator_is_offered(tmp_path: Path, sut: Git) -> None:
    """Neither the keys in ~/.ssh nor an agent's, and no host that the operator trusts is trusted for a source."""
    seen = tmp_path / "seen"
    (tmp_path / "bin").mkdir()
    ssh = tmp_path / "bin/ssh"
    ssh.write_text(f'#!/bin/sh\n[ "$1" = -G ] && exit 0\necho "$@" >> {seen}\nexit 1\n')
    ssh.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
        patch.setenv("SSH_AUTH_SOCK", "/nowhere")
        with pytest.raises(TransientError):
            await sut.fetch(Remote(url="ssh://git@127.0.0.1/team.git", timeout=15), "main")
    asked = seen.read_text().split()
    options = as_ssh_reads(asked[: asked.index("git@127.0.0.1")])
    assert [line for line in options if line.startswith("identityfile")] == ["identityfile /dev/null"]
    assert "identityagent none" in options
    assert "identitiesonly yes" in options
    assert [line for line in options if line.startswith("userknownhostsfile")] == ["userknownhostsfile /dev/null"]
    assert [line for line in options if line.startswith("globalknownhostsfile")] == ["globalknownhostsfile /dev/null"]


def zeros(repository: Repository, name: str, size: int) -> None:
    """Commit a file of zeros without ever having it whole: written as the object that git would make."""
    script = (
        "import sys\nleft = int(sys.argv[1])\n"
        "while left:\n    part = min(left, 1 << 20)\n    sys.stdout.buffer.write(bytes(part))\n    left -= part\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(size)], stdout=subprocess.PIPE) as made:
        done = subprocess.run(
            ["git", "-c", "core.bigFileThreshold=1m", "hash-object", "-w", "--stdin"],
            cwd=repository.folder,
            stdin=made.stdout,
            capture_output=True,
            check=True,
        )
    blob = done.stdout.decode().strip()
    tree = git("mktree", folder=repository.folder, stdin=f"100644 blob {blob}\t{name}\n".encode())
    commit = git("-c", "user.name=a", "-c", "user.email=b", "commit-tree", tree, "-m", "x", folder=repository.folder)
    git("update-ref", "refs/heads/main", commit, folder=repository.folder)


def as_ssh_reads(options: list[str]) -> list[str]:
    """What ssh itself makes of the options of a call."""
    told = subprocess.run(["ssh", "-G", *options, "127.0.0.1"], capture_output=True, text=True, check=True)
    return told.stdout.lower().splitlines()
