"""What holds for every registry: run over the table, against a small registry that speaks real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr

from blocks.registries.base import Registry, tags_of
from blocks.registries.table import REGISTRIES, open_registries
from sluice.credentials import RegistryCredentials
from sluice.errors import InvalidError, NotFoundError, TerminalError, TransientError
from sluice.images.reference import Repository, parse_repository
from sluice.manifests.flux.image_repository import ImageRepository
from tests.blocks.registries import small

DIGEST = "sha256:" + "cd" * 32


@pytest.fixture
def server() -> Iterator[small.Registry]:
    running = small.Registry()
    yield running
    running.close()


@pytest.fixture(params=[*REGISTRIES, "aws"])
async def sut(request: pytest.FixtureRequest) -> AsyncIterator[Registry]:
    """Every row, and a provider without one: it is spoken to as any registry."""
    async with open_registries() as registries:
        yield registries(request.param)


async def test_tags_and_digests(sut: Registry, server: small.Registry) -> None:
    """What the registry has."""
    server.answer = lambda request: (200, {"Docker-Content-Digest": DIGEST}, {"name": "team/shop", "tags": ["1", "2"]})
    assert sorted(await tags_of(sut, server.shop)) == ["1", "2"]
    assert await sut.digest(server.shop, "2") == DIGEST


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFoundError), (403, TerminalError), (503, TransientError), (429, TransientError)]
)
async def test_a_refusal_says_whether_it_may_pass(
    sut: Registry, server: small.Registry, status: int, error: type[Exception]
) -> None:
    """And which registry it was; a password is never in it."""
    server.answer = lambda request: (status, {}, {})
    login = RegistryCredentials(username="bot", password=SecretStr("hunter2"))
    with pytest.raises(error, match=server.host) as refused:
        await tags_of(sut, server.shop, login)
    assert "hunter2" not in str(refused.value)


async def test_a_registry_that_is_away_may_come_back(sut: Registry) -> None:
    """A refused connection may pass."""
    nowhere: Repository = parse_repository("127.0.0.1:9/team/shop")
    with pytest.raises(TransientError):
        await tags_of(sut, nowhere)


async def test_a_provider_that_there_is_not_is_refused_by_name() -> None:
    """And one that there is, is no field that nobody acts on."""
    async with open_registries({}) as registries:
        with pytest.raises(InvalidError, match=r"spec\.provider 'ibm': is one of generic, aws, azure, gcp"):
            await registries.login("ibm", parse_repository("us.icr.io/team/shop"))
    spec = {"image": "registry.example/shop", "provider": "aws"}
    found = ImageRepository.parse({"metadata": {"name": "a"}, "spec": spec})
    assert list(found.spec.unsupported("spec")) == []
