"""Git and secrets, git and hostile repositories: nothing leaks, nothing gets out of its directory, nothing hangs."""

from __future__ import annotations

import base64
import os
import subprocess
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.git.mirrors import Author, Edit, Git, Remote
from sluice.credentials import GitCredentials
from sluice.errors import InvalidError, TerminalError, TransientError
from tests.blocks.git.git_server import GitServer, Repository, git

PASSWORD = "correct-horse-battery"


@pytest.fixture
def repository(server: GitServer) -> Repository:
    made = Repository(server.root / "team.git")
    made.write({"apps/shop.yaml": "image: shop:1 # $mark\n"})
    return made


def login(password: str = PASSWORD) -> GitCredentials:
    return GitCredentials(username="bot", password=SecretStr(password))


def crafted(repository: Repository, *entries: tuple[str, str, str]) -> None:
    """Make `main` a tree that no working directory could hold: (mode, name, text or tree id)."""
    lines = b""
    for mode, name, content in entries:
        blob = (
            content
            if mode == "40000"
            else git("hash-object", "-w", "--stdin", folder=repository.folder, stdin=content.encode())
        )
        lines += f"{mode} {name}".encode() + b"\0" + bytes.fromhex(blob)
    tree = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", folder=repository.folder, stdin=lines)
    commit = git("-c", "user.name=a", "-c", "user.email=b", "commit-tree", tree, "-m", "x", folder=repository.folder)
    git("update-ref", "refs/heads/main", commit, folder=repository.folder)


def subtree(repository: Repository, *entries: tuple[str, str, str]) -> str:
    lines = b""
    for mode, name, content in entries:
        blob = git("hash-object", "-w", "--stdin", folder=repository.folder, stdin=content.encode())
        lines += f"{mode} {name}".encode() + b"\0" + bytes.fromhex(blob)
    return git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", folder=repository.folder, stdin=lines)


def running_with(text: str) -> list[str]:
    """The processes of this machine that have the text on their command lines."""
    found = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    return [line for line in found.stdout.splitlines() if text in line]


@pytest.mark.parametrize("aim", ["/etc/passwd", "../../secret", "b/../../../x", "a/../../.."])
async def test_a_link_out_of_the_repository_is_refused(
    sut: Git, server: GitServer, repository: Repository, aim: str
) -> None:
    """Whoever may push to a repository may not read this machine's files by it."""
    crafted(repository, ("120000", "link", aim), ("100644", "z", "x"))
    remote = Remote(url=f"{server.url}/team.git")
    commit = await sut.fetch(remote, "main")
    with pytest.raises(InvalidError, match="link is a symbolic link to"):
        await sut.tree(remote, commit)


async def test_a_chain_of_links_out_is_refused_and_links_inside_work(
    sut: Git, server: GitServer, repository: Repository
) -> None:
    """Each link alone may look harmless; and a link that stays is what its author meant."""
    remote = Remote(url=f"{server.url}/team.git")
    crafted(repository, ("120000", "one", "two/.."), ("120000", "two", "."))
    with pytest.raises(InvalidError, match="out of the repository"):
        await sut.tree(remote, await sut.fetch(remote, "main"))
    crafted(repository, ("100644", "file", "text"), ("120000", "link", "file"), ("120000", "nowhere", "gone"))
    tree = await sut.tree(remote, await sut.fetch(remote, "main"))
    assert (tree / "link").read_text() == "text"


@pytest.mark.parametrize("inner", [("100644", "x", "bad"), ("120000", "x", "bad")], ids=["file", "link"])
async def test_a_tree_that_writes_through_its_own_link_is_refused(
    sut: Git, server: GitServer, repository: Repository, tmp_path: Path, inner: tuple[str, str, str]
) -> None:
    """A link and a directory of one name: git never makes such a tree, an attacker does. Nothing is written outside."""
    outside = tmp_path / "outside"
    outside.mkdir()
    deep = subtree(repository, inner)
    raw = b"40000 deep\0" + bytes.fromhex(deep)
    below = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", folder=repository.folder, stdin=raw)
    crafted(repository, ("120000", "a", str(outside)), ("40000", "a", below))
    remote = Remote(url=f"{server.url}/team.git")
    commit = await sut.fetch(remote, "main")
    with pytest.raises(InvalidError, match="symbolic link"):
        await sut.tree(remote, commit)
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".git"])
async def test_a_path_out_of_the_tree_is_refused(
    sut: Git, server: GitServer, repository: Repository, name: str
) -> None:
    """`../x` and `.git/x` in a crafted tree."""
    crafted(repository, ("40000", name, subtree(repository, ("100644", "x", "bad"))))
    remote = Remote(url=f"{server.url}/team.git")
    commit = await sut.fetch(remote, "main")
    with pytest.raises(InvalidError, match="out of the repository"):
        await sut.tree(remote, commit)


async def test_the_right_password_lets_us_in(sut: Git, server: GitServer, repository: Repository) -> None:
    """Also where it came with the URL; the URL that messages show has none."""
    server.password = PASSWORD
    remote = Remote.of(f"{server.url}/team.git".replace("://", f"://bot:{PASSWORD}@"))
    assert PASSWORD not in repr(remote)
    assert await sut.fetch(remote, "main") == repository.head()


@pytest.mark.parametrize("wrong", [None, login("wrong-password-1")], ids=["none", "wrong"])
async def test_without_the_right_password_there_is_an_error_and_no_prompt(
    sut: Git, server: GitServer, repository: Repository, wrong: GitCredentials | None
) -> None:
    """It ends by itself, it is final, and it shows no secret: neither as it is nor encoded."""
    server.password = PASSWORD
    with pytest.raises(TerminalError) as caught:
        await sut.fetch(Remote(url=f"{server.url}/team.git", credentials=wrong, timeout=15), "main")
    told = "".join(traceback.format_exception(caught.value))
    assert "wrong-password-1" not in told
    assert "Basic " not in told


async def test_secrets_are_not_on_the_command_line(tmp_path: Path, server: GitServer, repository: Repository) -> None:
    """Everybody on a machine sees command lines. Nor do they stay in the mirror's files."""
    server.password = PASSWORD
    lines = tmp_path / "lines"
    spy = tmp_path / "git-spy"
    spy.write_text(f'#!/bin/sh\necho "$@" >> {lines}\nexec git "$@"\n')
    spy.chmod(0o755)
    home = tmp_path / "home"
    sut = Git(home, program=str(spy))
    remote = Remote(url=f"{server.url}/team.git", credentials=login())
    await sut.fetch(remote, "main")
    edit = Edit(
        branch="main",
        change=lambda files: {path: text.replace("shop:1", "shop:2") for path, text in files.items()},
        message=lambda: "m",
        author=Author("a", "b"),
        mark="$mark",
    )
    await sut.commit(remote, edit)
    said = lines.read_text()
    assert "fetch" in said
    assert "push" in said
    encoded = next(seen for seen in server.seen if seen).removeprefix("Basic ")
    kept = said + "".join(path.read_bytes().decode(errors="replace") for path in home.rglob("*") if path.is_file())
    assert PASSWORD not in kept
    assert encoded not in kept


async def test_secrets_are_not_carried_to_another_server(
    sut: Git, server: GitServer, repository: Repository, tmp_path: Path
) -> None:
    """A server that sends us elsewhere does not send our password there."""
    (tmp_path / "other").mkdir()
    other = GitServer(tmp_path / "other")
    Repository(other.root / "team.git").write({"a": "b"})
    server.moved_to = other.url
    try:
        with pytest.raises(TerminalError, match="302"):
            await sut.fetch(Remote(url=f"{server.url}/team.git", credentials=login(), timeout=15), "main")
        assert await sut.fetch(Remote(url=f"{server.url}/team.git"), "main"), "without a login we may follow"
    finally:
        other.close()
    assert [seen for seen in other.seen if seen] == []


async def test_a_server_that_never_answers_is_given_up(sut: Git, tmp_path: Path) -> None:
    """The exchange ends at its timeout as a transient error, and no process of ours is left behind."""
    import socket

    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        port = deaf.getsockname()[1]
        with pytest.raises(TransientError, match=r"took longer than 0\.3 s"):
            await sut.fetch(Remote(url=f"http://127.0.0.1:{port}/team.git", timeout=0.3), "main")
        left = running_with(f"127.0.0.1:{port}")
    assert left == []


async def test_an_ssh_key_is_a_file_that_only_we_can_read_and_goes_away(tmp_path: Path, sut: Git) -> None:
    """The key is there for one call, and the server must be one that the Secret vouches for."""
    seen = tmp_path / "seen"
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    ssh = bin_ / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" > {seen}\nstat -c %a "$2" >> {seen}\ncat "$2" >> {seen}\nexit 1\n')
    ssh.chmod(0o755)
    key = GitCredentials(identity=SecretStr("THE KEY"), known_hosts="git.example ssh-ed25519 AAAA")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        with pytest.raises(TransientError):
            await sut.fetch(Remote(url="ssh://git@127.0.0.1/team.git", credentials=key, timeout=15), "main")
    line, mode, content = seen.read_text().splitlines()
    assert "StrictHostKeyChecking=yes" in line
    assert "BatchMode=yes" in line
    assert (mode, content) == ("600", "THE KEY")
    assert not os.access(line.split()[1], os.F_OK)


@pytest.mark.parametrize("login", ["TOKEN", "bot:TOKEN", "TOKEN:x-oauth-basic"])
async def test_a_login_in_a_url_goes_as_credentials_and_is_never_seen(
    sut: Git, server: GitServer, repository: Repository, tmp_path: Path, login: str
) -> None:
    """`https://TOKEN@host/`: the server gets it as a header; no command line and no message has it, whoever answers."""
    url = f"{server.url}/team.git".replace("http://", f"http://{login}@")
    remote = Remote.of(url)
    assert remote.url == f"{server.url}/team.git"
    lines, program = tmp_path / "lines", tmp_path / "git"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {lines}\nexec git "$@"\n')
    program.chmod(0o755)
    await Git(tmp_path / "other", program=str(program)).fetch(remote, "main")
    user, _, password = login.partition(":")
    sent = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
    assert set(server.seen) == {sent}
    assert lines.read_text()
    assert "TOKEN" not in lines.read_text()
    server.status = 401
    with pytest.raises(TerminalError) as caught:
        await sut.fetch(remote, "main")
    assert "TOKEN" not in "".join(traceback.format_exception(caught.value))


async def test_a_secret_goes_before_a_login_in_the_url(sut: Git, server: GitServer, repository: Repository) -> None:
    """As in Flux; the URL's is dropped, not shown."""
    server.password = PASSWORD
    remote = Remote.of(f"{server.url}/team.git".replace("http://", "http://TOKEN@"), login())
    await sut.fetch(remote, "main")
    assert "TOKEN" not in remote.url


async def test_no_message_has_a_login_even_where_somebody_left_it_in_the_url(sut: Git, tmp_path: Path) -> None:
    """The last fence: what is shown goes through one function."""
    with pytest.raises(TransientError) as caught:
        await sut.fetch(Remote(url=f"http://{PASSWORD}@127.0.0.1:9/team.git", timeout=20), "main")
    assert "http://127.0.0.1:9/team.git" in str(caught.value)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
