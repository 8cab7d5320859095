"""One small question to a real git server: what a reference points at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from blocks.git.mirror import Remote
from blocks.git.questions.asked import MOST, ask, may_be_asked
from sluice.credentials import GitCredentials, Proxy
from sluice.errors import TerminalError, TransientError
from tests.blocks.git.git_server import WHO, GitServer, Repository, git

BOT = GitCredentials(username="bot", password=SecretStr("right"))
MAIN = "refs/heads/main"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    it = GitServer(tmp_path)
    yield it
    it.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "app.git")
    made.write({"a": "1"})
    made.write({"a": "2"}, branch="main-2")
    return made


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def test_a_branch_and_what_begins_with_its_name(
    server: GitServer, repository: Repository, http: httpx.AsyncClient
) -> None:
    """The very reference; empty where it is not there."""
    remote = Remote.of(f"{server.url}/app.git")
    assert await ask(http, remote, MAIN) == repository.head()
    assert await ask(http, remote, "refs/heads/main-2") == repository.head("main-2")
    assert await ask(http, remote, "refs/heads/mai") == ""
    assert len(server.seen) == 3


async def test_a_tag_object_leads_to_its_commit(
    server: GitServer, repository: Repository, http: httpx.AsyncClient
) -> None:
    """A revision is of a commit."""
    git(*WHO, "tag", "-a", "-m", "one", "v1", MAIN, folder=repository.folder)
    assert await ask(http, Remote.of(f"{server.url}/app.git"), "refs/tags/v1") == repository.head()


async def test_a_login_goes_along_and_is_in_no_message(
    server: GitServer, repository: Repository, http: httpx.AsyncClient
) -> None:
    """A wrong one is refused for good: the interval's look says so on the object."""
    server.password = "right"
    assert await ask(http, Remote.of(f"{server.url}/app.git", BOT), MAIN) == repository.head()
    wrong = BOT.model_copy(update={"password": SecretStr("hunter2")})
    with pytest.raises(TerminalError, match="401") as refused:
        await ask(http, Remote.of(f"{server.url}/app.git", wrong), MAIN)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_has_too_much_is_a_wait(
    server: GitServer, repository: Repository, http: httpx.AsyncClient, status: int
) -> None:
    """Nobody asks on."""
    server.status = status
    with pytest.raises(TransientError, match=str(status)):
        await ask(http, Remote.of(f"{server.url}/app.git"), MAIN)


async def test_a_server_that_is_elsewhere_is_not_followed(
    server: GitServer, repository: Repository, http: httpx.AsyncClient
) -> None:
    """A login must not go there."""
    server.renamed = {"/old.git": "/app.git"}
    with pytest.raises(TerminalError, match="301"):
        await ask(http, Remote.of(f"{server.url}/old.git", BOT), MAIN)


@pytest.mark.parametrize("answer", [b"<html>", b"", b"0009ERR x", b"ffffabc", b"0004", b"003e"])
async def test_what_is_no_answer_of_the_protocol_is_refused(answer: bytes) -> None:
    """A proxy's page, a server of an older protocol."""
    headers = {"Content-Type": "application/x-git-upload-pack-result"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=answer))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(TerminalError, match="protocol v2"):
            await ask(http, Remote.of("https://git.example/app"), MAIN)


async def test_an_answer_without_an_end_is_cut() -> None:
    """A server with more references of that beginning than anybody wants to read."""
    headers = {"Content-Type": "application/x-git-upload-pack-result"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=b"x" * (MOST + 1)))
    async with httpx.AsyncClient(transport=transport) as http:
        with pytest.raises(TerminalError, match=str(MOST)):
            await ask(http, Remote.of("https://git.example/app"), MAIN)


@pytest.mark.parametrize(
    ("url", "login", "may"),
    [
        ("https://git.example/app", None, True),
        ("https://git.example/app", BOT, True),
        ("ssh://git@git.example/app", None, False),
        ("https://git.example/app", GitCredentials(authority="CA"), False),
        ("https://git.example/app", GitCredentials(proxy=Proxy(address="http://proxy")), False),
    ],
)
def test_what_needs_a_way_of_its_own_is_not_asked(url: str, login: GitCredentials | None, may: bool) -> None:
    """git itself is asked at the interval."""
    assert may_be_asked(Remote.of(url, login)) is may
