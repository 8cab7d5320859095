"""Registries as they are met: other pages, odd challenges, links to elsewhere, answers without end. Over real HTTP."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from blocks.registries import distribution, transport
from blocks.registries.base import tags_of
from blocks.registries.distribution import Distribution
from sluice.credentials import RegistryCredentials
from sluice.errors import NotFoundError, TerminalError, TransientError
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


async def test_a_registry_that_refuses_the_size_of_a_page_is_asked_for_its_own(
    sut: Distribution, registry: Registry
) -> None:
    """`n=1000` is more than some give, and they answer 400; the next time nobody asks for it."""

    def answer(request: Request) -> Answer:
        asked = parse_qs(urlsplit(request[1]).query)
        if asked.get("n") == ["1000"]:
            return 400, {}, {"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}
        if "last" in asked:
            return 200, {}, {"tags": ["3"]}
        return 200, {"Link": '</v2/team/shop/tags/list?n=2&last=2>; rel="next"'}, {"tags": ["1", "2"]}

    registry.answer = answer
    assert await tags_of(sut, registry.shop) == ["1", "2", "3"]
    assert await tags_of(sut, registry.shop) == ["1", "2", "3"]
    assert len(registry.asked) == 3 + 2


@pytest.mark.parametrize(
    "link",
    [
        '</v2/team/shop/tags/list?last=2>; rel="next"',
        "<?last=2>; rel=next",
        '<http://registry.internal:5000/v2/team/shop/tags/list?last=2>; rel="next"',
        '<https://127.0.0.1/v2/team/shop/tags/list?last=2>;rel="next"',
    ],
    ids=["path", "query", "name from inside", "other scheme"],
)
async def test_a_link_leads_to_the_registry_that_was_asked(sut: Distribution, registry: Registry, link: str) -> None:
    """A registry behind a proxy names itself as it is called inside; no token is for that name."""

    def answer(request: Request) -> Answer:
        if "last" in request[1]:
            return 200, {}, {"tags": ["3"]}
        return 200, {"Link": link}, {"tags": ["1", "2"]}

    registry.answer = answer
    assert await tags_of(sut, registry.shop) == ["1", "2", "3"]
    assert len(registry.asked) == 2


async def test_ten_thousand_tags_in_pages_of_a_hundred_are_all_read(sut: Distribution, registry: Registry) -> None:
    """As Quay and GitLab give them; with one login for all pages."""
    tags = [f"{number:05}" for number in range(10_000)]
    realm = f'Bearer realm="http://{registry.host}/token",service="r",scope="repository:team/shop:pull"'

    def answer(request: Request) -> Answer:
        if request[1].startswith("/token"):
            return 200, {}, {"token": "T", "expires_in": 300}
        if request[2] != "Bearer T":
            return 401, {"WWW-Authenticate": realm}, {}
        start = int(parse_qs(urlsplit(request[1]).query).get("last", ["-1"])[0]) + 1
        page = tags[start : start + 100]
        more = {"Link": f'</v2/team/shop/tags/list?n=100&last={page[-1]}>; rel="next"'} if page[-1] != tags[-1] else {}
        return 200, more, {"tags": page}

    registry.answer = answer
    assert await tags_of(sut, registry.shop, BOT) == tags
    assert len(registry.asked) == 100 + 2


async def test_more_tags_than_anybody_can_mean_are_refused(
    sut: Distribution, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In many pages, and in one answer: what a worker remembers of a registry has an end."""
    monkeypatch.setattr(distribution, "MOST_TAGS", 500)

    def answer(request: Request) -> Answer:
        last = int(parse_qs(urlsplit(request[1]).query).get("last", ["0"])[0])
        link = f'</v2/team/shop/tags/list?last={last + 100}>; rel="next"'
        return 200, {"Link": link}, {"tags": [str(last + one) for one in range(100)]}

    registry.answer = answer
    with pytest.raises(TerminalError, match=r"more than .* 500 tags"):
        await tags_of(sut, registry.shop)
    assert len(registry.asked) == 6
    monkeypatch.setattr(transport, "MOST_BYTES", 1024 * 1024)
    registry.answer = lambda request: (200, {}, b"\0" * 3 * 1024 * 1024)
    with pytest.raises(TerminalError, match="more than 1 MiB at once"):
        await tags_of(sut, registry.shop)


async def test_what_no_image_can_have_as_its_tag_is_left_out(sut: Distribution, registry: Registry) -> None:
    """Nothing that a registry lists gets into git unless it can be pulled."""
    odd = ["1.0", "größe", "1.0\n  evil: true", "", "a b", "x" * 129, None, 3, {"tag": "1"}, "-x", "_ok", "1.0"]
    registry.answer = lambda request: (200, {}, {"tags": odd})
    assert await tags_of(sut, registry.shop) == ["1.0", "_ok"]
    for tags in ({"1.0": {}}, "1.0"):
        registry.answer = lambda request, tags=tags: (200, {}, {"tags": tags})  # type: ignore[misc]
        with pytest.raises(TerminalError, match="tags is no list"):
            await tags_of(sut, registry.shop)


@pytest.mark.parametrize(
    "odd",
    [
        'method="DELETE",url="http://elsewhere/",self="x",repository="y",headers="z",params="p"',
        'error="invalid_token",error_description="a \\"quoted\\" word, and a comma"',
        "charset=UTF-8",
    ],
)
async def test_odd_parameters_of_a_challenge_change_nothing(sut: Distribution, registry: Registry, odd: str) -> None:
    """Only realm, service and scope are asked for, whatever else a challenge has in it."""
    challenge = f'Bearer realm="http://{registry.host}/token?account=a",{odd},service="r"'

    def answer(request: Request) -> Answer:
        _, path, login = request
        if path.startswith("/token"):
            asked = parse_qs(urlsplit(path).query)
            assert asked == {"account": ["a"], "service": ["r"], "scope": ["repository:team/shop:pull"]}
            return 200, {}, {"token": "T"}
        return (200, {}, {"tags": ["1"]}) if login == "Bearer T" else (401, {"WWW-Authenticate": challenge}, {})

    registry.answer = answer
    assert await tags_of(sut, registry.shop) == ["1"]


@pytest.mark.parametrize("token", ["tökén", "a b", "a\r\nX-Evil: 1", "", None, 7, ["a"]])
async def test_a_token_that_cannot_be_one_is_a_refusal(sut: Distribution, registry: Registry, token: object) -> None:
    """Not an error that nobody expected, which would end the look at all other repositories."""
    challenge = f'Bearer realm="http://{registry.host}/token"'
    registry.answer = lambda request: (
        (200, {}, {"token": token}) if "/token" in request[1] else (401, {"WWW-Authenticate": challenge}, {})
    )
    with pytest.raises(TerminalError, match="gave no token for team/shop"):
        await tags_of(sut, registry.shop)


@pytest.mark.parametrize("challenge", ["Negotiate", "Bearer", 'Bearer realm=""', "", "=,=", 'Digest realm="x"'])
async def test_a_challenge_that_nobody_can_answer_asks_for_a_secret(
    sut: Distribution, registry: Registry, challenge: str
) -> None:
    """And the password stays here."""
    registry.answer = lambda request: (401, {"WWW-Authenticate": challenge}, {})
    with pytest.raises(TerminalError, match="set a secretRef"):
        await tags_of(sut, registry.shop, BOT)
    assert [login for _, _, login in registry.asked] == [""]


async def test_of_two_ways_in_the_token_is_taken(sut: Distribution, registry: Registry) -> None:
    """Some registries offer both in one header."""
    challenge = f'Basic realm="reg", Bearer realm="http://{registry.host}/token",service="r"'

    def answer(request: Request) -> Answer:
        if request[1].startswith("/token"):
            return 200, {}, {"token": "T"}
        return (200, {}, {"tags": ["1"]}) if request[2] == "Bearer T" else (401, {"WWW-Authenticate": challenge}, {})

    registry.answer = answer
    assert await tags_of(sut, registry.shop, BOT) == ["1"]


@pytest.mark.parametrize("trusted", [False, True], ids=["not named by the Secret", "named by the Secret"])
async def test_a_password_goes_to_another_host_only_where_the_secret_names_it(
    sut: Distribution, registry: Registry, trusted: bool
) -> None:
    """A registry that names another host as its realm gets nothing by it."""
    with ExitStack() as stack:
        other = Registry()
        stack.callback(other.close)
        other.answer = lambda request: (200, {}, {"token": "T"})
        named = other.host.replace("127.0.0.1", "localhost.localdomain.invalid")
        challenge = f'Bearer realm="http://{named}/token",service="r"'
        registry.answer = lambda request: (401, {"WWW-Authenticate": challenge}, {})
        login = BOT.model_copy(update={"token_servers": (named,)}) if trusted else BOT
        with pytest.raises(
            TransientError if trusted else TerminalError, match="does not answer" if trusted else "token-servers"
        ):
            await tags_of(sut, registry.shop, login)
        assert other.asked == []
    assert all(login == "" for _, _, login in registry.asked)


async def test_a_redirect_takes_no_login_to_another_host(sut: Distribution, registry: Registry) -> None:
    """The place that a registry sends us to, such as a bucket, is not shown the token."""
    other = Registry()
    try:
        other.answer = lambda request: (200, {}, {"tags": ["1"]})
        registry.answer = lambda request: (
            (302, {"Location": f"http://{other.host.replace('127.0.0.1', 'localhost')}/tags"}, {})
            if request[2] == BASIC
            else (401, {"WWW-Authenticate": 'Basic realm="r"'}, {})
        )
        assert await tags_of(sut, registry.shop, BOT) == ["1"]
        assert [login for _, _, login in other.asked] == [""]
    finally:
        other.close()


async def test_a_login_is_remembered_until_it_ends_or_is_refused(registry: Registry) -> None:
    """Three calls the first time, then one; a token that the registry does not take any more is got again."""
    good, now = ["T1"], [0.0]
    challenge = f'Bearer realm="http://{registry.host}/token",service="r"'

    def answer(request: Request) -> Answer:
        if request[1].startswith("/token"):
            return 200, {}, {"token": good[0], "expires_in": 100}
        taken = request[2] == f"Bearer {good[0]}"
        return (200, {}, {"tags": ["1"]}) if taken else (401, {"WWW-Authenticate": challenge}, {})

    registry.answer = answer
    async with Distribution(timeout=2.0, attempts=1, clock=lambda: now[0]) as sut:
        calls = []
        for moment, token in ((0.0, "T1"), (80.0, "T1"), (95.0, "T1"), (96.0, "T2"), (97.0, "T2")):
            now[0], good[0], before = moment, token, len(registry.asked)
            await tags_of(sut, registry.shop, BOT)
            calls.append(len(registry.asked) - before)
        assert calls == [3, 1, 3, 4, 1]
        before = len(registry.asked)
        await tags_of(sut, registry.shop)
        assert len(registry.asked) - before == 3, "somebody without this login is not shown in by it"


async def test_a_refresh_token_is_exchanged_and_a_registry_token_is_shown(
    sut: Distribution, registry: Registry
) -> None:
    """What `docker login` keeps in place of a password (distribution specification, OAuth2)."""
    challenge = f'Bearer realm="http://{registry.host}/oauth2/token",service="r",scope="repository:team/shop:pull"'

    def answer(request: Request) -> Answer:
        if request[1].startswith("/oauth2/token"):
            assert request[::2] == ("POST", "")
            return 200, {}, {"access_token": "T"}
        return (200, {}, {"tags": ["1"]}) if request[2] == "Bearer T" else (401, {"WWW-Authenticate": challenge}, {})

    registry.answer = answer
    assert await tags_of(sut, registry.shop, RegistryCredentials(identity_token=SecretStr("R"))) == ["1"]
    form = {"grant_type": ["refresh_token"], "refresh_token": ["R"], "client_id": ["sluice"], "service": ["r"]}
    assert parse_qs(registry.bodies[1]) == {**form, "scope": ["repository:team/shop:pull"]}
    before = len(registry.asked)
    assert await tags_of(sut, registry.shop, RegistryCredentials(registry_token=SecretStr("T"))) == ["1"]
    assert len(registry.asked) - before == 1


async def test_an_unchanged_list_with_a_mark_is_not_sent(sut: Distribution, registry: Registry) -> None:
    """ETag and If-None-Match, where a registry has them; a list of several pages has no mark of its own."""

    def answer(request: Request) -> Answer:
        if registry.headers[-1].get("if-none-match") == 'W/"7"':
            return 304, {"ETag": 'W/"7"'}, b""
        return 200, {"ETag": 'W/"7"'}, {"tags": ["1"]}

    registry.answer = answer
    first = await sut.listing(registry.shop)
    assert first
    assert first.mark == 'W/"7"'
    assert await sut.listing(registry.shop, known=first.mark) is None
    assert await sut.listing(registry.shop, known="other") == first
    more = {"Link": '<?last=1>; rel="next"'}
    registry.answer = lambda request: (200, {"ETag": '"7"'} | ({} if "last" in request[1] else more), {"tags": ["1"]})
    assert (paged := await sut.listing(registry.shop))
    assert paged.mark == ""


async def test_a_digest_that_is_not_said_is_that_of_the_manifest(sut: Distribution, registry: Registry) -> None:
    """Some registries leave the header out of an answer to HEAD, or refuse HEAD."""
    manifest = b'{"schemaVersion": 2}'
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    for status in (200, 405):
        registry.answer = lambda request, status=status: (  # type: ignore[misc]
            (status, {}, b"") if request[0] == "HEAD" else (200, {}, manifest)
        )
        assert await sut.digest(registry.shop, "1.0") == digest
    registry.answer = lambda request: (404, {}, b"")
    with pytest.raises(NotFoundError):
        await sut.digest(registry.shop, "1.0")


async def test_a_login_for_the_list_is_another_one_than_that_for_manifests(
    sut: Distribution, registry: Registry
) -> None:
    """As Azure's tokens are (argocd-image-updater #1502): each is got once, and none is tried for the other."""

    def answer(request: Request) -> Answer:
        path, login = urlsplit(request[1]), request[2]
        if path.path == "/token":
            return 200, {}, {"access_token": parse_qs(path.query)["scope"][0].rpartition(":")[2]}
        needed = "metadata_read" if path.path.endswith("/tags/list") else "pull"
        if login != f"Bearer {needed}":
            scope = f"repository:team/shop:{needed}"
            return 401, {"WWW-Authenticate": f'Bearer realm="http://{registry.host}/token",scope="{scope}"'}, {}
        return 200, {"Docker-Content-Digest": DIGEST}, {"tags": ["1"]}

    registry.answer = answer
    for calls in (6, 2, 2):
        before = len(registry.asked)
        assert await tags_of(sut, registry.shop, BOT) == ["1"]
        assert await sut.digest(registry.shop, "1") == DIGEST
        assert len(registry.asked) - before == calls


async def test_a_login_that_has_ended_may_be_refused_with_403(sut: Distribution, registry: Registry) -> None:
    """As ECR does (argo-cd #12554): it is got once more; a right that is missing is refused as before."""
    good = ["T1"]
    challenge = f'Bearer realm="http://{registry.host}/token"'

    def answer(request: Request) -> Answer:
        if request[1].startswith("/token"):
            return 200, {}, {"token": good[0]}
        if not request[2]:
            return 401, {"WWW-Authenticate": challenge}, {}
        return (200, {}, {"tags": ["1"]}) if request[2] == f"Bearer {good[0]}" else (403, {}, {})

    registry.answer = answer
    assert await tags_of(sut, registry.shop) == ["1"]
    good[0] = "T2"
    assert await tags_of(sut, registry.shop) == ["1"]
    registry.answer = lambda request: (403, {}, {}) if request[2] else (401, {"WWW-Authenticate": challenge}, {})
    with pytest.raises(TerminalError):
        await tags_of(sut, registry.shop)
