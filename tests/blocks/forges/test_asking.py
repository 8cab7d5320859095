"""Asking a forge: what it answers that no forge should, and what may not be asked twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from blocks.forges import asking
from blocks.forges.asking import AlreadyError, Asking
from blocks.forges.base import PullRequest
from blocks.forges.github import GitHub
from sluice.errors import TerminalError, TransientError
from tests.served import served

TOKEN = SecretStr("ghp_hush")
WISH = PullRequest(branch="sluice/shop", into="main", title="shop 2.0.0", body="newer", change="shop@2.0.0")


@dataclass
class Server:
    """A forge that answers in turn what it is given, or not at all: None. The last one is for all that follows."""

    answers: list[Response | None]
    asked: list[str] = field(default_factory=list)
    wait: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        self.asked.append(request.method)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await self.wait.wait()
            return Response()
        return answer

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
        methods = ["GET", "POST", "PATCH"]
        async with (
            served(Starlette(routes=[Route("/{path:path}", self.take, methods=methods)])) as url,
            httpx.AsyncClient(trust_env=False) as http,
        ):
            try:
                yield url, http
            finally:
                self.wait.set()

    async def ask(self, method: str) -> Any:
        async with self.open() as (url, http):
            return await Asking(http, "GitHub", url, TOKEN, "SLUICE_GITHUB_TOKEN").ask(method, "/it", "do it")


def page() -> Response:
    return Response("<html>Sign in</html>", media_type="text/html")


async def test_a_page_in_the_place_of_an_answer_is_an_error_that_says_so() -> None:
    """A login page or a proxy answers 200 with HTML."""
    sut = Server([page()])
    with pytest.raises(TerminalError, match=r"no JSON \(text/html.*address of its API"):
        await sut.ask("GET")


@pytest.mark.parametrize(("method", "times"), [("POST", 1), ("GET", 3)])
async def test_what_makes_something_is_not_asked_at_once_again_when_its_answer_is_lost(
    method: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment may be there already; a question may be asked as often as one likes."""
    monkeypatch.setattr(asking, "TIMEOUT", 0.3)
    sut = Server([None])
    with pytest.raises(TransientError, match="does not answer"):
        await sut.ask(method)
    assert sut.asked == [method] * times


async def test_what_was_refused_for_now_is_asked_again_also_where_it_makes_something() -> None:
    """The forge has said that it did not do it."""
    sut = Server([Response(status_code=503), JSONResponse({"id": 1})])
    assert await sut.ask("POST") == {"id": 1}


async def test_what_is_there_already_is_known_by_githubs_word_for_it() -> None:
    """422 is GitHub's answer to anything that it cannot do."""
    there = {"message": "Validation Failed", "errors": [{"message": "A pull request already exists for team:x."}]}
    with pytest.raises(AlreadyError):
        await Server([JSONResponse(there, 422)]).ask("POST")
    with pytest.raises(TerminalError) as refused:
        await Server([JSONResponse({"message": "Validation Failed: no commits between"}, 422)]).ask("POST")
    assert not isinstance(refused.value, AlreadyError)


async def test_a_second_worker_that_is_as_fast_finds_the_pull_request_of_the_first() -> None:
    """None when it looked, one when it made its own."""
    made = {
        "number": 7,
        "state": "open",
        "title": WISH.title,
        "body": WISH.text,
        "html_url": "https://git/7",
        "head": {"ref": WISH.branch},
        "base": {"ref": WISH.into},
    }
    there = JSONResponse({"errors": [{"message": "A pull request already exists for team:sluice/shop."}]}, 422)
    sut = Server([JSONResponse([]), there, JSONResponse([made])])
    async with sut.open() as (url, http):
        found = await GitHub(http, TOKEN, url).propose("https://github.com/team/shop", WISH)
    assert (found.number, sut.asked) == (7, ["GET", "POST", "GET"])
    late = Server([JSONResponse([]), there, JSONResponse([]), there])
    async with late.open() as (url, http):
        with pytest.raises(TransientError):
            await GitHub(http, TOKEN, url).propose("https://github.com/team/shop", WISH)


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_what_makes_something_is_not_asked_at_once_again_where_nobody_knows_whether_it_was_done(
    status: int,
) -> None:
    """A proxy lost the answer, or the server broke in the middle; a question is asked again."""
    sut = Server([Response(status_code=status), JSONResponse({"id": 1})])
    with pytest.raises(TransientError, match=f"answered {status}"):
        await sut.ask("POST")
    assert sut.asked == ["POST"]
    assert await Server([Response(status_code=status), JSONResponse([])]).ask("GET") == []


@pytest.mark.parametrize(
    "words", ["You have exceeded a secondary rate limit.", "You have triggered an abuse detection mechanism."]
)
async def test_the_secondary_limit_of_github_is_known_by_its_words(words: str) -> None:
    """It is a 403 that may say nothing else: all leave GitHub alone for a minute."""
    asking._resting.clear()
    sut = Server([JSONResponse({"message": words}, 403)])
    with pytest.raises(TransientError, match="left alone for 60 s"):
        await sut.ask("POST")
    asking._resting.clear()


async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is one that was moved followed: what is written there may be somebody else's."""
    monkeypatch.setattr(asking, "MOST", 100)
    with pytest.raises(TerminalError, match="answered more than"):
        await Server([JSONResponse(["x" * 1000])]).ask("GET")
    with pytest.raises(TerminalError, match="moved or renamed"):
        await Server([Response(status_code=301, headers={"Location": "/elsewhere"})]).ask("GET")


@pytest.mark.parametrize(("answers", "good"), [([401, 200], True), ([401], False)])
async def test_a_token_of_an_app_that_is_not_taken_any_more_is_asked_for_anew(answers: list[int], good: bool) -> None:
    """The app was suspended, or its key changed, within the hour that a token lasts; where none is taken that is final."""
    given = iter(SecretStr(f"ghs_{number}") for number in range(9))
    spoilt: list[str] = []
    sut = Server([JSONResponse({"id": 1}, one) for one in answers])

    async def token() -> SecretStr:
        return next(given)

    async with sut.open() as (url, http):
        app = Asking(http, "GitHub", url, token, "the app", {}, lambda one: spoilt.append(one.get_secret_value()))
        if good:
            assert await app.ask("POST", "/it", "do it") == {"id": 1}
            assert spoilt == ["ghs_0"]
        else:
            with pytest.raises(TerminalError, match=r"token of the app no more.*may it do it"):
                await app.ask("POST", "/it", "do it")
            assert spoilt == ["ghs_0", "ghs_1", "ghs_2"]
