"""People who sign commits and tags, with real keys made for one test."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.blocks.git.git_server import Repository


@dataclass(frozen=True)
class Person:
    """Somebody with a key.

    Attributes:
        home: directory with the key.
        settings: of git, to sign with it.
        public: the name in a Secret, and the text, of what others verify by.
    """

    home: Path
    settings: tuple[str, ...]
    public: tuple[str, str]

    def git(self, *arguments: str, folder: Path) -> str:
        environment = {"PATH": os.environ["PATH"], "GNUPGHOME": str(self.home), "HOME": str(self.home), "LC_ALL": "C"}
        environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        options = [part for one in self.settings for part in ("-c", one)]
        done = subprocess.run(
            ["git", *options, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, repository: Repository, text: str, *, sign: bool = True) -> str:
        """A commit on `main` with the file `a`."""
        plain = repository.write({"a": text})
        tree = self.git("rev-parse", f"{plain}^{{tree}}", folder=repository.folder)
        parent = self.git("rev-list", "--parents", "-1", plain, folder=repository.folder).split()[1:]
        more = [part for one in parent for part in ("-p", one)]
        made = self.git("commit-tree", *(["-S"] if sign else []), *more, tree, "-m", text, folder=repository.folder)
        self.git("update-ref", "refs/heads/main", made, folder=repository.folder)
        return made

    def tag(self, repository: Repository, name: str, commit: str) -> None:
        self.git("tag", "-f", "-s", "-m", name, name, commit, folder=repository.folder)


def openpgp(home: Path, name: str) -> Person:
    """Somebody with an OpenPGP key."""
    home.mkdir(mode=0o700)
    _gpg(home, "--quick-generate-key", f"{name} <{name}@example.com>", "ed25519", "sign", "never")
    public = _gpg(home, "--armor", "--export", f"{name}@example.com")
    settings = (f"user.name={name}", f"user.email={name}@example.com", "gpg.program=gpg")
    return Person(home, settings, (f"{name}.asc", public))


def revoked(person: Person) -> str:
    """The public key of a person after it was revoked by the certificate that gpg makes with each key."""
    (certificate,) = (person.home / "openpgp-revocs.d").glob("*.rev")
    _gpg(person.home, "--import", stdin=certificate.read_text().replace(":-----", "-----"))
    return _gpg(person.home, "--armor", "--export")


def agents_gone(folder: Path) -> None:
    """End the agents that gpg started for the people in a folder."""
    for keys in folder.glob("*/pubring.kbx"):
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=_environment(keys.parent), check=True)


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "GNUPGHOME": str(home), "LC_ALL": "C"}


def _gpg(home: Path, *arguments: str, stdin: str = "") -> str:
    command = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
    done = subprocess.run(command, env=_environment(home), input=stdin, capture_output=True, text=True, check=True)
    return done.stdout


def ssh(home: Path, name: str) -> Person:
    """Somebody with an ssh key."""
    home.mkdir(mode=0o700)
    key = home / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)], check=True)
    settings = (f"user.name={name}", f"user.email={name}@example.com", "gpg.format=ssh", f"user.signingKey={key}")
    return Person(home, settings, (f"{name}.sshpub", Path(f"{key}.pub").read_text()))
