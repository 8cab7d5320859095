"""Signatures by the real `cosign` in a real registry: whose count, whose do not, and what is said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.sources.oci_cosign import Cosign
from lab.parts import oci
from lab.programs.modules import cosign as cosign_program
from sluice.credentials import RegistryCredentials
from sluice.errors import UnverifiedError
from sluice.images.reference import Repository
from sluice.manifests.flux.oci_repository import OidcIdentity
from tests.blocks.registries.real_registry import distribution

pytestmark = pytest.mark.lab  # for its programs alone: the lab itself need not run
HTPASSWD = "bot:$2b$04$a1ctD2TGBYv3BraPCyzMZefqxhRWU.83LZ5eFx0EuIoj45WiRlOAO\n"
BOT = RegistryCredentials(username="bot", password=SecretStr("hunter2"))


@dataclass(frozen=True)
class Signer:
    """Somebody with a key pair, who signs by the program."""

    folder: Path
    program: Path

    @property
    def public(self) -> str:
        return (self.folder / "cosign.pub").read_text()

    def run(self, *arguments: str) -> None:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "COSIGN_PASSWORD": ""}
        command = [str(self.program), *arguments]
        subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, timeout=120, check=True)

    def sign(self, reference: str, *options: str) -> None:
        http = ("--allow-http-registry", "--allow-insecure-registry")
        log = ("--tlog-upload=false", "--use-signing-config=false")
        self.run("sign", "--yes", "--key", "cosign.key", *http, *log, *options, reference)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    """Two who have a key each."""
    found = {}
    for name in ("ours", "stranger"):
        found[name] = Signer(tmp_path_factory.mktemp(name), cosign_program())
        found[name].run("generate-key-pair")
    return found


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    with distribution(tmp_path) as address:
        yield address


def pushed(host: str, tag: str = "1.0") -> tuple[Repository, str]:
    """An artifact that nobody has signed."""
    return Repository(registry=host, path="team/app"), oci.push_image(host, "team/app", tag, {}, ["/x"], {"A": tag})


def cosign(*keys: str, **more: object) -> Cosign:
    options: dict[str, object] = {"keys": keys, "insecure": True, "program": str(cosign_program()), **more}
    return Cosign(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", [(), ("--new-bundle-format=false",)], ids=["bundle", "older"])
async def test_one_of_several_keys_is_enough_in_both_forms_of_a_signature(
    people: dict[str, Signer], host: str, form: tuple[str, ...]
) -> None:
    """A bundle next to the artifact as cosign 3 writes it, and the tag that it wrote before."""
    repository, digest = pushed(host)
    people["ours"].sign(f"{repository}@{digest}", *form)
    said = await cosign(people["stranger"].public, people["ours"].public).verify(repository, digest, None)
    assert said == f"verified signature of revision {digest} by key 2 of 2"


async def test_what_nobody_or_a_stranger_signed_is_refused_with_the_programs_reason(
    people: dict[str, Signer], host: str
) -> None:
    """Also where another digest of the repository is signed: a signature is of one digest."""
    repository, digest = pushed(host)
    _, other = pushed(host, "2.0")
    people["ours"].sign(f"{repository}@{other}")
    with pytest.raises(UnverifiedError, match="no signature"):
        await cosign(people["ours"].public).verify(repository, digest, None)
    people["stranger"].sign(f"{repository}@{digest}")
    with pytest.raises(UnverifiedError, match=f"{digest} has no signature of somebody who is trusted: .+"):
        await cosign(people["ours"].public).verify(repository, digest, None)


async def test_a_key_that_is_none_and_a_root_that_is_none_are_refused(people: dict[str, Signer], host: str) -> None:
    """Nothing counts as signed because the trust could not be read."""
    repository, digest = pushed(host)
    people["ours"].sign(f"{repository}@{digest}")
    with pytest.raises(UnverifiedError, match=r"(?i)key|pem"):
        await cosign("no key").verify(repository, digest, None)
    somebody = (OidcIdentity(issuer=".*", subject=".*"),)
    with pytest.raises(UnverifiedError):
        await cosign(identities=somebody, trusted_root="{}").verify(repository, digest, None)


async def test_the_login_of_the_source_is_the_programs_and_stays_out_of_its_words(
    people: dict[str, Signer], tmp_path: Path
) -> None:
    """A registry with a login: without it the refusal says so, with a wrong one too, and neither says the password."""
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "lab", "path": str(tmp_path / "htpasswd")}}
    with distribution(tmp_path, auth=auth) as host:
        repository = Repository(registry=host, path="team/app")
        wrong = RegistryCredentials(username="bot", password=SecretStr("wrong-word"))
        for login in (None, wrong, BOT):
            with pytest.raises(UnverifiedError) as refused:
                await cosign(people["ours"].public).verify(repository, f"sha256:{'0' * 64}", login)
            assert "wrong-word" not in str(refused.value)
            assert ("unauthorized" in str(refused.value).lower()) is (login is not BOT)
