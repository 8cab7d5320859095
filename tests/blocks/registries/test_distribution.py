"""Registries by the distribution API: tags, digests, logins and troubles, against a small registry of the test's own."""

from __future__ import annotations

import base64
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from blocks.registries import distribution as registry_module
from blocks.registries.base import tags_of
from blocks.registries.distribution import Distribution
from lab.parts import oci
from sluice.credentials import RegistryCredentials
from sluice.errors import NotFoundError, TerminalError, TransientError
from sluice.images.reference import Repository, parse_repository
from tests.blocks.registries.small import Answer, Registry, Request

DIGEST = "sha256:" + "ab" * 32
BOT = RegistryCredentials(username="bot", password=SecretStr("hunter2"))
BASIC = "Basic " + base64.b64encode(b"bot:hunter2").decode()


@pytest.fixture
def registry() -> Iterator[Registry]:
    running = Registry()
    yield running
    running.close()


@pytest.fixture
async def sut() -> AsyncIterator[Distribution]:
    async with Distribution(timeout=2.0, attempts=2) as registries:
        yield registries


async def test_all_pages_of_tags_are_read(sut: Distribution, registry: Registry) -> None:
    """A registry gives tags in pages, by relative or absolute links; none is missed."""
    pages = {
        "": (["1.0", "1.1"], '</v2/team/shop/tags/list?n=2&last=1.1>; rel="next"'),
        "1.1": (["1.2"], f'<http://{registry.host}/v2/team/shop/tags/list?last=1.2>; rel="next"'),
        "1.2": (None, ""),
    }

    def answer(request: Request) -> Answer:
        tags, link = pages[parse_qs(urlsplit(request[1]).query).get("last", [""])[0]]
        return 200, {"Link": link} if link else {}, {"name": "team/shop", "tags": tags}

    registry.answer = answer
    assert await tags_of(sut, registry.shop) == ["1.0", "1.1", "1.2"]
    assert len(registry.asked) == 3


async def test_pages_without_end_are_given_up(
    sut: Distribution, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registry that always has one more page does not keep us for ever."""
    monkeypatch.setattr(registry_module, "MOST_PAGES", 3)
    registry.answer = lambda request: (200, {"Link": '</v2/team/shop/tags/list?last=1>; rel="next"'}, {"tags": ["1"]})
    with pytest.raises(TerminalError, match="more than 3 pages"):
        await tags_of(sut, registry.shop)


async def test_a_digest_is_asked_for_without_the_manifest(sut: Distribution, registry: Registry) -> None:
    """One HEAD; all kinds of manifest are accepted, so that the digest is that of what was pushed."""
    registry.answer = lambda request: (200, {"Docker-Content-Digest": DIGEST}, b"")
    assert await sut.digest(registry.shop, "1.0") == DIGEST
    assert registry.asked == [("HEAD", "/v2/team/shop/manifests/1.0", "")]
    registry.answer = lambda request: (200, {}, b"")
    with pytest.raises(TerminalError, match=r"does not tell the digest of 1\.0"):
        await sut.digest(registry.shop, "1.0")


@pytest.mark.parametrize("credentials", [None, BOT], ids=["anonymous", "with a login"])
async def test_a_bearer_challenge_is_answered(
    sut: Distribution, registry: Registry, credentials: RegistryCredentials | None
) -> None:
    """As Docker Hub and GitHub want it: a token for this repository from the realm, with our login if we have one."""
    realm = f'Bearer realm="http://{registry.host}/token",service="reg",scope="repository:team/shop:pull"'

    def answer(request: Request) -> Answer:
        _, path, login = request
        if path.startswith("/token"):
            asked = parse_qs(urlsplit(path).query)
            assert asked == {"service": ["reg"], "scope": ["repository:team/shop:pull"]}
            assert login == (BASIC if credentials else "")
            return 200, {}, {"access_token": "T"} if credentials else {"token": "T"}
        return (200, {}, {"tags": ["1"]}) if login == "Bearer T" else (401, {"WWW-Authenticate": realm}, {})

    registry.answer = answer
    assert await tags_of(sut, registry.shop, credentials) == ["1"]
    assert len(registry.asked) == 3


async def test_a_basic_challenge_is_answered_and_only_then(sut: Distribution, registry: Registry) -> None:
    """The password goes out only where the registry asks for it."""
    registry.answer = lambda request: (
        (200, {}, {"tags": ["1"]}) if request[2] == BASIC else (401, {"WWW-Authenticate": 'Basic realm="r"'}, {})
    )
    assert await tags_of(sut, registry.shop, BOT) == ["1"]
    assert [login for _, _, login in registry.asked] == ["", BASIC]


@pytest.mark.parametrize(
    ("status", "headers", "error", "said", "calls"),
    [
        (404, {}, NotFoundError, "404 for team/shop", 1),
        (403, {}, TerminalError, "check its secretRef", 1),
        (401, {}, TerminalError, "set a secretRef", 1),
        (401, {"WWW-Authenticate": 'Basic realm="r"'}, TerminalError, "set a secretRef", 1),
        (429, {"Retry-After": "7"}, TransientError, "429", 1),
        (429, {}, TransientError, "429", 2),
        (500, {}, TransientError, "500", 2),
        (503, {}, TransientError, "503", 2),
    ],
)
async def test_troubles_are_told_apart(
    sut: Distribution,
    registry: Registry,
    status: int,
    headers: dict[str, str],
    error: type[Exception],
    said: str,
    calls: int,
) -> None:
    """What may pass is tried again, not before the time that was asked for; the message names registry and repository."""
    registry.answer = lambda request: (status, headers, {})
    with pytest.raises(error, match=said) as caught:
        await tags_of(sut, registry.shop)
    assert registry.host in str(caught.value)
    assert len(registry.asked) == calls
    if "Retry-After" in headers:
        assert isinstance(caught.value, TransientError)
        assert caught.value.retry_after == 7


async def test_a_wrong_password_is_final_and_not_told(sut: Distribution, registry: Registry) -> None:
    """Once with the login, then an error without it: accounts get locked by retries."""
    registry.answer = lambda request: (401, {"WWW-Authenticate": 'Basic realm="r"'}, {})
    with pytest.raises(TerminalError, match="check its secretRef") as caught:
        await tags_of(sut, registry.shop, BOT)
    assert "hunter2" not in str(caught.value)
    assert len(registry.asked) == 2


async def test_a_hiccup_is_survived(sut: Distribution, registry: Registry) -> None:
    """One bad answer does not fail a delivery."""
    registry.answer = lambda request: (502, {}, {}) if len(registry.asked) < 2 else (200, {}, {"tags": ["1"]})
    assert await tags_of(sut, registry.shop) == ["1"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""], ids=["html", "list", "nothing"])
async def test_what_is_no_registry_is_named(sut: Distribution, registry: Registry, body: bytes) -> None:
    """A proxy's login page is no list of tags."""
    registry.answer = lambda request: (200, {}, body)
    with pytest.raises(TerminalError, match="does not speak as a registry for"):
        await tags_of(sut, registry.shop)


async def test_a_registry_that_is_away_or_silent_is_a_transient_error(registry: Registry) -> None:
    """Refused connections, timeouts and endless redirects."""
    wait = threading.Event()

    def silent(request: Request) -> Answer:
        wait.wait(5)
        return 200, {}, {}

    async with Distribution(timeout=0.1, attempts=1) as sut:
        registry.answer = silent
        with pytest.raises(TransientError, match="does not answer"):
            await tags_of(sut, registry.shop)
        wait.set()
        registry.answer = lambda request: (302, {"Location": request[1]}, {})
        with pytest.raises(TransientError, match="does not answer"):
            await tags_of(sut, registry.shop)
        registry.close()
        with pytest.raises(TransientError, match="does not answer"):
            await tags_of(sut, registry.shop)


@pytest.mark.parametrize(
    ("name", "insecure", "base"),
    [
        ("nginx", False, "https://registry-1.docker.io"),
        ("ghcr.io/a/b", False, "https://ghcr.io"),
        ("ghcr.io/a/b", True, "http://ghcr.io"),
        ("127.0.0.1:5000/a", False, "http://127.0.0.1:5000"),
        ("localhost:5000/a", False, "http://localhost:5000"),
        ("127.0.0.1.evil.example/a", False, "https://127.0.0.1.evil.example"),
        ("localhost.evil.example/a", False, "https://localhost.evil.example"),
    ],
)
def test_plain_http_is_for_loopback_and_for_who_asked(name: str, insecure: bool, base: str) -> None:
    """A name that only looks like this machine gets https."""
    assert registry_module.base_of(parse_repository(name), insecure) == base


@pytest.mark.lab
async def test_the_labs_registry_is_understood(sut: Distribution, lab_env: dict[str, Any]) -> None:
    """CNCF Distribution: what was pushed is listed, its digest is the one that the push made, gone is gone."""
    name = f"registry-test-{uuid4().hex[:8]}"
    repository = Repository(registry=lab_env["registry"], path=name)
    with pytest.raises(NotFoundError):
        await tags_of(sut, repository)
    digest = oci.push_image(lab_env["registry"], name, "1.0", {}, ["/x"], {})
    try:
        assert await tags_of(sut, repository) == ["1.0"]
        assert await sut.digest(repository, "1.0") == digest
        with pytest.raises(NotFoundError):
            await sut.digest(repository, "2.0")
    finally:
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.delete(f"http://{lab_env['registry']}/v2/{name}/manifests/{digest}")
