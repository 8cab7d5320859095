"""The registry client against a real registry: CNCF Distribution as a process of its own, with a login and without."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from blocks.registries.base import tags_of
from blocks.registries.distribution import Distribution
from lab.parts import oci
from sluice.credentials import RegistryCredentials
from sluice.errors import NotFoundError, TerminalError
from sluice.images.reference import Repository
from tests.blocks.registries.real_registry import distribution

pytestmark = pytest.mark.lab  # for its program alone: the lab itself need not run
BOT = RegistryCredentials(username="bot", password=SecretStr("hunter2"))
HTPASSWD = "bot:$2b$04$a1ctD2TGBYv3BraPCyzMZefqxhRWU.83LZ5eFx0EuIoj45WiRlOAO\n"


@pytest.fixture
async def sut() -> AsyncIterator[Distribution]:
    async with Distribution(timeout=5.0, attempts=2) as registries:
        yield registries


async def test_pushes_lists_digests_and_deletions(sut: Distribution, tmp_path: Path) -> None:
    """What was pushed is listed by the digest that its push made; what was deleted is gone."""
    with distribution(tmp_path) as host:
        shop = Repository(registry=host, path="team/shop")
        with pytest.raises(NotFoundError):
            await tags_of(sut, shop)
        pushed = {tag: oci.push_image(host, "team/shop", tag, {}, ["/x"], {"ABOUT": tag}) for tag in ("1.0", "1.1")}
        assert sorted(await tags_of(sut, shop)) == ["1.0", "1.1"]
        assert {tag: await sut.digest(shop, tag) for tag in pushed} == pushed
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.delete(f"http://{host}/v2/team/shop/manifests/{pushed['1.1']}")
        with pytest.raises(NotFoundError):
            await sut.digest(shop, "1.1")


async def test_a_password_opens_what_is_closed(sut: Distribution, tmp_path: Path) -> None:
    """A Basic challenge of a real registry; a wrong password is final, and in no message."""
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "of this test", "path": str(tmp_path / "htpasswd")}}
    with distribution(tmp_path, auth=auth) as host:
        shop = Repository(registry=host, path="team/shop")
        with pytest.raises(NotFoundError):
            await tags_of(sut, shop, BOT)
        with pytest.raises(TerminalError, match="set a secretRef"):
            await tags_of(sut, shop)
        with pytest.raises(TerminalError, match="check its secretRef") as refused:
            await tags_of(sut, shop, BOT.model_copy(update={"password": SecretStr("hunter3")}))
        assert "hunter3" not in str(refused.value)


async def test_ten_thousand_tags_are_read(sut: Distribution, tmp_path: Path) -> None:
    """Of one image, as a nightly build makes them in years: each is there, in one look."""
    with distribution(tmp_path) as host:
        oci.push_image(host, "team/shop", "0", {}, ["/x"], {})
        # Ten thousand pushes take minutes; a tag is two small files, and the registry reads them from its folder.
        tags = tmp_path / "data/docker/registry/v2/repositories/team/shop/_manifests/tags"
        link = (tags / "0/current/link").read_text()
        for number in range(1, 10_000):
            current = tags / str(number) / "current"
            current.mkdir(parents=True)
            (current / "link").write_text(link)
        shop = Repository(registry=host, path="team/shop")
        assert sorted(map(int, await tags_of(sut, shop))) == list(range(10_000))
        assert await sut.digest(shop, "9999") == link
