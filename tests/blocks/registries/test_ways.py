"""Ways to a registry: its own authority, a client's certificate, a proxy with a login. Over real TLS."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.registries import distribution
from blocks.registries.base import Way, tags_of
from blocks.registries.distribution import Distribution
from blocks.registries.transport import MOST_WAYS
from sluice.errors import InvalidError, TransientError
from sluice.images.reference import Repository
from tests.blocks.registries.authority import Authority, Pair
from tests.blocks.registries.small import Registry

AUTHORITY = Authority()


def over_tls(registry: Registry, folder: Path, pair: Pair, clients: str = "") -> None:
    """Have a registry speak TLS; with `clients`, only to those whom this authority knows."""
    (folder / "pair.pem").write_text(pair.key + pair.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pair.pem")
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients)
    registry._http.socket = context.wrap_socket(registry._http.socket, server_side=True)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry at a name that is no exception for plain http."""
    monkeypatch.setattr(distribution, "base_of", lambda repository, insecure: f"https://{repository.registry}")
    running = Registry()
    running.answer = lambda request: (200, {}, {"tags": ["1"]})
    yield running
    running.close()


async def test_a_registry_s_own_authority_is_trusted_where_it_is_named(registry: Registry, tmp_path: Path) -> None:
    """And only there: without it, or with another one, nothing is asked."""
    over_tls(registry, tmp_path, AUTHORITY.pair("registry"))
    async with Distribution(timeout=2.0, attempts=1) as sut:
        assert await tags_of(sut, registry.shop, way=Way(authority=AUTHORITY.certificate)) == ["1"]
        for way in (Way(), Way(authority=Authority().certificate)):
            with pytest.raises(TransientError, match="CERTIFICATE_VERIFY_FAILED"):
                await tags_of(sut, registry.shop, way=way)
    assert len(registry.asked) == 1


async def test_a_client_s_certificate_is_shown(registry: Registry, tmp_path: Path) -> None:
    """To a registry that asks for one."""
    over_tls(registry, tmp_path, AUTHORITY.pair("registry"), AUTHORITY.certificate)
    client = AUTHORITY.pair("client")
    way = Way(AUTHORITY.certificate, client.certificate, SecretStr(client.key))
    async with Distribution(timeout=2.0, attempts=1) as sut:
        assert await tags_of(sut, registry.shop, way=way) == ["1"]
        with pytest.raises(TransientError):
            await tags_of(sut, registry.shop, way=Way(AUTHORITY.certificate))


@pytest.mark.parametrize(
    "way", [Way(authority="no certificate"), Way("", AUTHORITY.certificate, SecretStr("hunter2"))], ids=["ca", "key"]
)
async def test_what_is_no_certificate_is_refused_by_its_field(registry: Registry, way: Way) -> None:
    """Without what stands in the Secret."""
    async with Distribution(timeout=2.0, attempts=1) as sut:
        with pytest.raises(InvalidError, match=r"spec\.certSecretRef") as refused:
            await tags_of(sut, registry.shop, way=way)
    assert "hunter2" not in str(refused.value)


async def test_a_proxy_is_asked_with_its_login_and_named_in_no_message() -> None:
    """A registry that is reached through a proxy alone."""
    proxy = Registry()
    proxy.answer = lambda request: (200, {}, {"tags": ["1"]})
    shop = Repository(registry="registry.internal", path="team/shop")
    way = Way(proxy=SecretStr(f"http://bot:hunter2@{proxy.host}"))
    try:
        async with Distribution(timeout=2.0, attempts=1) as sut:
            assert await tags_of(sut, shop, insecure=True, way=way) == ["1"]
            assert proxy.asked[0][1] == "http://registry.internal/v2/team/shop/tags/list?n=1000"
            shown = proxy.headers[0]["proxy-authorization"]
            assert shown == "Basic " + base64.b64encode(b"bot:hunter2").decode()
            proxy.answer = lambda request: (407, {}, {})
            with pytest.raises(Exception, match=r"registry\.internal") as refused:
                await tags_of(sut, shop, insecure=True, way=way)
    finally:
        proxy.close()
    assert "hunter2" not in str(refused.value)


async def test_clients_of_their_own_are_bounded(registry: Registry) -> None:
    """However many tenants have a certificate authority of their own, and the usual way stays open."""
    async with Distribution(timeout=0.2, attempts=1) as sut:
        for number in range(MOST_WAYS + 5):
            way = Way(authority=AUTHORITY.certificate, proxy=SecretStr(f"http://127.0.0.1:{number + 1}"))
            with pytest.raises(TransientError):
                await tags_of(sut, registry.shop, way=way)
        assert len(sut._transport._clients) == MOST_WAYS
