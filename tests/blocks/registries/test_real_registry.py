"""The registry client against a real registry: CNCF Distribution as a process of its own, with a login and without."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from pydantic import SecretStr
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from blocks.registries.distribution import Distribution
from lab.parts import oci
from lab.programs import packages
from sluice.credentials import RegistryCredentials
from sluice.errors import NotFoundError, TerminalError
from sluice.images.reference import Repository

pytestmark = pytest.mark.lab  # for its program alone: the lab itself need not run
BOT = RegistryCredentials(username="bot", password=SecretStr("hunter2"))
HTPASSWD = "bot:$2b$04$a1ctD2TGBYv3BraPCyzMZefqxhRWU.83LZ5eFx0EuIoj45WiRlOAO\n"


@contextmanager
def distribution(folder: Path, **more: object) -> Iterator[str]:
    """A registry on a port of its own; returns its address."""
    packages.install_system_packages()
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    config = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}},
        "http": {"addr": host, "secret": "of this test"},
        **more,
    }
    (folder / "registry.yaml").write_text(yaml.safe_dump(config))
    program = ["docker-registry", "serve", str(folder / "registry.yaml")]
    environment = {"OTEL_TRACES_EXPORTER": "none", "PATH": "/usr/bin"}
    with subprocess.Popen(program, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        try:
            _answers(host)
            yield host
        finally:
            running.terminate()


@retry(
    retry=retry_if_exception_type(httpx.TransportError), stop=stop_after_delay(20), wait=wait_fixed(0.05), reraise=True
)
def _answers(host: str) -> None:
    httpx.get(f"http://{host}/v2/", trust_env=False)


@pytest.fixture
async def sut() -> AsyncIterator[Distribution]:
    async with Distribution(timeout=5.0, attempts=2) as registries:
        yield registries


async def test_pushes_lists_digests_and_deletions(sut: Distribution, tmp_path: Path) -> None:
    """What was pushed is listed by the digest that its push made; what was deleted is gone."""
    with distribution(tmp_path) as host:
        shop = Repository(registry=host, path="team/shop")
        with pytest.raises(NotFoundError):
            await sut.tags(shop)
        pushed = {tag: oci.push_image(host, "team/shop", tag, {}, ["/x"], {"ABOUT": tag}) for tag in ("1.0", "1.1")}
        assert sorted(await sut.tags(shop)) == ["1.0", "1.1"]
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
            await sut.tags(shop, BOT)
        with pytest.raises(TerminalError, match="set a secretRef"):
            await sut.tags(shop)
        with pytest.raises(TerminalError, match="check its secretRef") as refused:
            await sut.tags(shop, BOT.model_copy(update={"password": SecretStr("hunter3")}))
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
        assert sorted(map(int, await sut.tags(shop))) == list(range(10_000))
        assert await sut.digest(shop, "9999") == link
