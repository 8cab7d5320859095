"""A repository on the lab's git server, and a person who pushes to it."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.parts.git import create_repository
from lab.paths import LabPaths

TIMEOUT_S = 60
WHO = ("-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Repository:
    """A repository.

    Attributes:
        url: on the git server.
        folder: the work tree of the person.
        bare: the server's own.
    """

    url: str
    folder: Path
    bare: Path

    @classmethod
    def made(cls, places: LabPaths, name: str, *, reported: bool = True) -> Repository:
        """A new one; `reported` is whether pushes are made known to webhooks."""
        bare = places.git / f"{name}.git"
        shutil.rmtree(bare, ignore_errors=True)
        url = create_repository(places, name)
        if not reported:
            (bare / "hooks" / "post-receive").unlink()
        folder = places.home / "sync-bench" / "trees" / name
        folder.mkdir(parents=True)
        made = cls(url, folder, bare)
        made.git("init", "--quiet", "--initial-branch=main")
        made.git("remote", "add", "origin", url)
        return made

    def commit(self, files: Mapping[str, str]) -> str:
        """Write files and commit them; the commit's id."""
        for name, text in files.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def push(self) -> float:
        """Push; the moment right before it, seconds since the epoch."""
        began = time.time()
        self.git("push", "--quiet", "origin", "main")
        return began

    def pull(self) -> None:
        """Bring what others have pushed."""
        self.git("pull", "--quiet", "--rebase", "origin", "main")

    def git(self, *arguments: str) -> str:
        """Run git in the work tree."""
        command = ["git", "-C", str(self.folder), *WHO, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
        return done.stdout.strip()

    def remove(self) -> None:
        """Both are gone."""
        shutil.rmtree(self.bare, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def config_map(name: str, value: str) -> str:
    """The smallest manifest whose change can be seen."""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{value: '{value}'}}\n"
