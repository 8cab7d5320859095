"""Signed commits, by real gpg and ssh-keygen, and verified by git as people do it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from blocks.git.mirrors import Author, Edit, Git, Remote
from blocks.git.signing import Gpg, Signer, Ssh
from sluice.errors import InvalidError
from tests.blocks.git.git_server import GitServer, Repository

WHERE = "Secret team/signing-key"


@pytest.fixture(name="home")
def home_(tmp_path: Path) -> Iterator[Path]:
    """The home of the person who verifies."""
    home = tmp_path / "person"
    home.mkdir(mode=0o700)
    yield home
    run(home, "gpgconf", "--kill", "all")


def run(home: Path, *command: str, stdin: str = "") -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(home), "GNUPGHOME": str(home)}
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def gpg_key(home: Path, passphrase: str) -> str:
    (home / "gpg-agent.conf").write_text("s2k-count 65536\n")  # to be hard to guess costs gpg seconds, each time
    unlocked = ["--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase]
    run(home, "gpg", *unlocked, "--quick-generate-key", "bot <bot@example.com>", "ed25519", "sign", "never")
    return run(home, "gpg", *unlocked, "--armor", "--export-secret-keys")


def ssh_key(home: Path, kind: str, passphrase: str) -> str:
    run(home, "ssh-keygen", "-q", "-t", kind, "-N", passphrase, "-f", str(home / "key"))
    (home / "allowed").write_text(f"bot@example.com {(home / 'key.pub').read_text()}")
    return (home / "key").read_text()


async def commit(tmp_path: Path, signer: Signer) -> Path:
    """The bare repository with a commit by that signer on main."""
    (tmp_path / "served").mkdir()
    server = GitServer(tmp_path / "served")
    repository = Repository(server.root / "team.git")
    repository.write({"shop.yaml": "image: shop:1 # $mark\n"})
    edit = Edit(
        branch="main",
        change=lambda files: {path: text.replace("shop:1", "shop:2") for path, text in files.items()},
        message=lambda: "Deliver\n\nwith a body\n",
        author=Author("bot", "bot@example.com"),
        mark="$mark",
        signer=signer,
    )
    await Git(tmp_path / "home").commit(Remote(url=f"{server.url}/team.git"), edit)
    server.close()
    assert repository.read("shop.yaml") == "image: shop:2 # $mark"
    assert repository.log("%B") == ["Deliver", "", "with a body", "", "write"]
    return repository.folder


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
async def test_a_commit_is_signed_by_an_openpgp_key(tmp_path: Path, home: Path, passphrase: str) -> None:
    """The key of Flux's Secret, with a passphrase or without."""
    signer = Gpg(SecretStr(gpg_key(home, passphrase)), SecretStr(passphrase), WHERE)
    folder = await commit(tmp_path, signer)
    assert "Good signature from" in run(home, "git", "-C", str(folder), "verify-commit", "main")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("passphrase", ["", "open sesame"])
async def test_a_commit_is_signed_by_an_ssh_key(tmp_path: Path, home: Path, kind: str, passphrase: str) -> None:
    """One Secret may be for the login and for the signature."""
    folder = await commit(tmp_path, Ssh(SecretStr(ssh_key(home, kind, passphrase)), SecretStr(passphrase), WHERE))
    setting = f"gpg.ssh.allowedSignersFile={home / 'allowed'}"
    said = run(home, "git", "-C", str(folder), "-c", setting, "verify-commit", "main")
    assert 'Good "git" signature for bot@example.com' in said


async def test_a_key_that_cannot_sign_is_refused_and_stays_secret(tmp_path: Path, home: Path) -> None:
    """The message names the Secret and the field, not what is in it."""
    ours, theirs = gpg_key(home, "right"), ssh_key(home, "ed25519", "right")
    signers: list[Signer] = [
        Gpg(SecretStr(ours), SecretStr("wrong"), WHERE),
        Gpg(SecretStr("no key"), SecretStr(""), WHERE),
        Ssh(SecretStr(theirs), SecretStr("wrong"), WHERE),
        Ssh(SecretStr(theirs), SecretStr(""), WHERE),
        Ssh(SecretStr("no key"), SecretStr(""), WHERE),
    ]
    for signer in signers:
        with pytest.raises(InvalidError, match=WHERE) as refused:
            await signer.sign(b"tree")
        assert "wrong" not in str(refused.value)
        assert "PRIVATE" not in str(refused.value)
