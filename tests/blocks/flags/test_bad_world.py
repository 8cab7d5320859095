"""What a flag service may do wrong: nothing is turned, the error says what to do, and the token stays with us."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from blocks.flags import access
from sluice.errors import ConflictError, ForbiddenError, InvalidError, TerminalError, TransientError
from sluice.flags.flag import OFF, FlagState
from tests.blocks.flags.worlds import FEATURES, PROD, TOKEN, InGit, Server, in_git, server
from tests.served import served

SERVERS = ("flipt", "flipt-v2", "ofrep")
SEEN = FlagState(enabled=True, version="x")


@pytest.fixture(params=SERVERS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    async with server(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
async def repository(tmp_path: Path) -> AsyncIterator[InGit]:
    async with in_git("features-file", "flags/features.yml", FEATURES, tmp_path) as opened:
        yield opened


async def test_a_wrong_token_is_said_without_it(world: Server) -> None:
    """The message names where the token is written."""
    with pytest.raises(ForbiddenError, match="secretRef") as refused:
        await world.service(token="the-wrong-one").flags(PROD)
    assert "the-wrong-one" not in str(refused.value)


async def test_a_service_that_is_away_for_a_moment_is_asked_again(world: Server) -> None:
    """Two answers of 503, and then what it has."""
    await world.trouble(status=503, times=2)
    assert len(await world.service().flags(PROD)) == 6


async def test_a_service_that_is_away_is_a_transient_error(world: Server) -> None:
    """After three tries; and one that says how long to wait is believed."""
    await world.trouble(status=503, times=50)
    with pytest.raises(TransientError, match="503"):
        await world.service().flag("plain-on", PROD)


async def test_one_that_nobody_listens_at_is_a_transient_error() -> None:
    """It may come back."""
    async with httpx.AsyncClient() as http:
        with pytest.raises(TransientError, match="does not answer"):
            await Server("flipt", "http://127.0.0.1:9", http).service().flags(PROD)


async def test_a_slow_service_has_its_timeout(world: Server) -> None:
    """For all of the answer, not for each byte of it."""
    await world.trouble(status=200, slow=1, times=3)
    with pytest.raises(TransientError, match="ReadTimeout"):
        await world.service(timeout="0.1s").flags(PROD)


@pytest.mark.parametrize("body", ["<html>", "[]", '{"flags": 3, "resources": 3}', '{"flags": [3], "resources": [3]}'])
async def test_a_malformed_answer_is_named(world: Server, body: str) -> None:
    """A load balancer's page, or another service at that address."""
    await world.trouble(status=200, body=body, times=9)
    with pytest.raises(InvalidError):
        await world.service().flags(PROD)


async def test_a_malformed_flag_is_named(world: Server) -> None:
    """With the key, so that somebody finds it."""
    wrong = {"key": "odd", "enabled": {}, "type": "BOOLEAN_FLAG_TYPE", "rollouts": [{"segment": 3}]}
    resource = {"key": "odd", "payload": wrong}
    body = {"flags": [wrong], "resources": [resource], "rules": [], "segments": []}
    if world.kind == "ofrep":
        pytest.skip("it has no definitions")
    await world.trouble(status=200, body=json.dumps(body), times=9)
    with pytest.raises(InvalidError, match="odd"):
        await world.service().flags(PROD)


async def test_an_answer_without_end_is_cut(world: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded."""
    monkeypatch.setattr(access, "MOST_BYTES", 100)
    with pytest.raises(InvalidError, match="more than"):
        await world.service().flags(PROD)


async def test_a_redirect_is_not_followed_and_the_token_goes_nowhere(world: Server) -> None:
    """Another host gets nothing at all; the message says where it led."""
    seen: list[str] = []

    async def there(request: Request) -> JSONResponse:
        seen.append(request.headers.get("authorization", ""))
        return JSONResponse({})

    async with served(Starlette(routes=[Route("/{path:path}", there, methods=["GET", "POST"])])) as other:
        await world.trouble(status=302, location=f"{other}/login?next=secret", times=9)
        with pytest.raises(TerminalError, match="leads to") as refused:
            await world.service().flags(PROD)
    assert seen == []
    assert "secret" not in str(refused.value)


async def test_what_a_service_says_is_quoted_without_our_token(world: Server) -> None:
    """Some echo the request."""
    await world.trouble(status=400, body=f"bad header Bearer {TOKEN}", times=9)
    with pytest.raises(InvalidError) as refused:
        await world.service().flags(PROD)
    assert TOKEN not in str(refused.value)


async def test_a_page_that_comes_again_and_again_ends(tmp_path: Path) -> None:
    """A server that gives one token for ever is no reason to ask for ever."""
    async with server("flipt", tmp_path) as world:
        body = json.dumps({"flags": [], "nextPageToken": "MQ==", "totalCount": 1})
        await world.trouble(status=200, body=body, times=99)
        with pytest.raises(InvalidError, match="page after page"):
            await world.service().flags(PROD)


@pytest.mark.parametrize("kind", ["flipt", "flipt-v2"])
async def test_ten_thousand_flags_are_read(kind: str, tmp_path: Path) -> None:
    """Page by page, each once."""
    async with server(kind, tmp_path) as world:
        many = [{"key": f"flag-{number:05}", "type": "BOOLEAN_FLAG_TYPE", "enabled": True} for number in range(10_000)]
        await world.load({"flags": many})
        found = await world.service(timeout="30s").flags(PROD)
        assert len({flag.key for flag in found}) == len(found) == 10_000


async def test_ten_thousand_flags_of_a_file_are_read(repository: InGit) -> None:
    """By the parser in C, in a time that a stage has."""
    lines = "".join(
        f"  - key: flag-{number:05}\n    type: BOOLEAN_FLAG_TYPE\n    enabled: true\n" for number in range(10_000)
    )
    repository.repository.write({repository.path: f"flags:\n{lines}"})
    assert len(await repository.service().flags(PROD)) == 10_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flags: [", "line"),
        ("flags: 3\n", "lists"),
        ("- 1\n", "no mapping"),
        ("flags:\n  - enabled: true\n", "key"),
        ("flags:\n  - key: a\n    rollouts: [{}]\n", "threshold or segment"),
        ("flags:\n  - {key: a}\n  - {key: a}\n", "twice"),
    ],
)
async def test_a_malformed_file_is_named(repository: InGit, text: str, said: str) -> None:
    """With the place; nothing is written."""
    repository.repository.write({repository.path: text})
    head = repository.repository.head()
    with pytest.raises(InvalidError, match=said):
        await repository.service().flags(PROD)
    with pytest.raises(TerminalError):
        await repository.service().turn("plain-on", PROD, OFF, SEEN)
    assert repository.repository.head() == head


async def test_a_file_that_is_elsewhere_or_leads_out_is_said(repository: InGit) -> None:
    """By the field that has to be changed."""
    with pytest.raises(TerminalError, match=r"spec\.service\.path"):
        await repository.service(path="nowhere.yml").flags(PROD)
    with pytest.raises(InvalidError, match="leads out"):
        await repository.service(path="../secret.yml").flags(PROD)


async def test_a_flag_that_is_written_with_an_alias_is_not_edited(repository: InGit) -> None:
    """An edit there would change another flag as well."""
    text = (
        "flags:\n  - key: a\n    type: BOOLEAN_FLAG_TYPE\n    enabled: true\n    rollouts: &all\n"
        "      - threshold: {percentage: 5, value: true}\n"
        "  - key: b\n    type: BOOLEAN_FLAG_TYPE\n    enabled: true\n    rollouts: *all\n"
    )
    repository.repository.write({repository.path: text})
    seen = await repository.service().flag("b", PROD)
    assert seen is not None
    with pytest.raises(InvalidError, match="anchors"):
        await repository.service().turn("b", PROD, OFF, seen.environments[PROD])
    assert repository.text == text.rstrip("\n")


async def test_a_turn_changes_the_lines_that_it_must_and_no_other(repository: InGit) -> None:
    """Comments, quotes and order stay, and the file after a restore is the file before."""
    service: Any = repository.service()
    before, text = (await service.flag("plain-on", PROD)).environments[PROD], repository.text
    off = await service.turn("plain-on", PROD, OFF, before)
    changed = [
        (old, new) for old, new in zip(text.splitlines(), repository.text.splitlines(), strict=True) if old != new
    ]
    assert changed == [("    enabled: true       # the switch", "    enabled: false       # the switch")]
    assert repository.repository.log()[0] == "Flag plain-on: off"
    from sluice.flags.flag import restored

    await service.turn("plain-on", PROD, restored(before), off)
    assert repository.text == text
    quarter = (await service.flag("quarter", PROD)).environments[PROD]
    covered = await service.turn("quarter", PROD, OFF, quarter)
    assert set(text.splitlines()) <= set(repository.text.splitlines())
    await service.turn("quarter", PROD, restored(quarter), covered)
    assert repository.text == text


async def test_a_flag_of_v1_that_somebody_turns_at_that_very_moment_is_no_success(tmp_path: Path) -> None:
    """It has no fence: what it is after the write is looked at, and said."""
    async with server("flipt", tmp_path) as world:
        service: Any = world.service()
        seen = await service.flag("plain-on", PROD)

        class Beside(type(service)):  # type: ignore[misc]
            async def _make(self, *given: Any) -> None:
                await super()._make(*given)
                await world.person("plain-on", enabled=True)

        with pytest.raises(ConflictError, match=r"plain-on .* turned to off, and somebody else .* true for everybody"):
            await Beside(service.access).turn("plain-on", PROD, OFF, seen.environments[PROD])


async def test_a_service_of_v2_that_moves_all_the_time_is_given_up(tmp_path: Path) -> None:
    """It is said that nothing was turned."""
    async with server("flipt-v2", tmp_path) as world:
        service = world.service()
        seen = await service.flag("plain-on", PROD)
        assert seen is not None

        class Moving(type(service)):  # type: ignore[misc]
            async def _written(self, *_: Any) -> bool:
                return False

        with pytest.raises(ConflictError, match="was not turned"):
            await Moving(service.access).turn("plain-on", PROD, OFF, seen.environments[PROD])  # type: ignore[attr-defined]
