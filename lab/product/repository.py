"""The application's git repository as its team uses it: cloned, changed by a commit, pushed, and read."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

TEAM = ("-c", "user.name=shop team", "-c", "user.email=shop@example.com")
BRANCH = "main"
GIT_S = 30
PUSHES = 5
"""Tries for a push: sluice commits to the same branch, and who comes second begins with what the other pushed."""


class RefusedPushError(LabError):
    """A push that was not taken, mostly because somebody else's came first."""


@dataclass(frozen=True)
class Pushed:
    """A commit that the git server has.

    Attributes:
        at: when the push began.
    """

    commit: str
    at: float


def replace_all(repository: str, fill: Callable[[Path], None], message: str) -> Pushed:
    """Make what `fill` writes into an empty folder the branch's whole content."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        fill(work)
        git(work, "init", "--quiet", f"--initial-branch={BRANCH}")
        pushed = Pushed(_committed(work, message), time.time())
        git(work, "push", "--quiet", "--force", repository, BRANCH)
        return pushed


def change(repository: str, edit: Callable[[Path], None], message: str) -> Pushed:
    """Push a commit with what `edit` does to the branch's files.

    Raises:
        LabError: it was refused each time.
    """
    for _ in range(PUSHES):
        with cloned(repository) as work:
            edit(work)
            pushed = Pushed(_committed(work, message), time.time())
            try:
                git(work, "push", "--quiet", "origin", BRANCH)
            except RefusedPushError as error:
                refused = error
                continue
            return pushed
    raise LabError(f"{PUSHES} pushes to {repository} were refused: {refused}")


@contextmanager
def cloned(repository: str) -> Iterator[Path]:
    """A clone of the branch, for the duration of the block."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "clone"
        git(Path(folder), "clone", "--quiet", "--single-branch", "--branch", BRANCH, repository, str(work))
        yield work


def git(work: Path, *arguments: str) -> str:
    """What a git command printed.

    Raises:
        LabError: it failed.
    """
    done = subprocess.run(["git", *arguments], cwd=work, capture_output=True, text=True, timeout=GIT_S, check=False)
    if done.returncode != 0:
        failure = RefusedPushError if arguments[0] == "push" else LabError
        raise failure(f"git {' '.join(arguments)} failed: {done.stderr.strip()[-400:]}")
    return done.stdout


def _committed(work: Path, message: str) -> str:
    git(work, "add", "--all", ".")
    git(work, *TEAM, "commit", "--quiet", "--message", message)
    return git(work, "rev-parse", "HEAD").strip()
