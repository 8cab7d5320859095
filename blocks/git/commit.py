"""Makes a commit in a bare repository with one process: `git fast-import`.

There is no working directory, hence no hook, no filter and no link to follow; a file that is not named keeps its blob.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from blocks.git.files import LOCAL_TIMEOUT
from blocks.git.program import GitProgram

_REF = "refs/sluice-work/edit"
_NO_NAME = re.compile(r"[<>\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Author:
    """Who a commit says wrote it."""

    name: str
    email: str


async def write_commit(
    git: GitProgram,
    mirror: Path,
    *,
    base: str,
    files: Mapping[str, tuple[str, str | None]],
    message: str,
    author: Author,
    moment: int,
) -> str:
    """The id of a new commit on `base`, in which `files` (path → mode and text) are replaced.

    Args:
        git: the program.
        mirror: the bare repository.
        base: the commit to start from.
        files: what is new; a file without a text goes.
        message: of the commit.
        author: also its committer.
        moment: seconds since the epoch.
    """
    who = f"{_NO_NAME.sub('', author.name)} <{_NO_NAME.sub('', author.email)}> {moment} +0000"
    parts = [f"commit {_REF}\nmark :1\nauthor {who}\ncommitter {who}\n".encode(), _data(message)]
    parts.append(f"from {base}\n".encode())
    for path, (mode, text) in sorted(files.items()):
        if text is None:
            parts.append(f"D {_quoted(path)}\n".encode(errors="surrogateescape"))
            continue
        parts += [f"M {mode} inline {_quoted(path)}\n".encode(errors="surrogateescape"), _data(text)]
    parts.append(b"get-mark :1\ndone\n")
    out = await git.run(
        "fast-import", "--quiet", "--force", "--done", folder=mirror, timeout=LOCAL_TIMEOUT, stdin=b"".join(parts)
    )
    return out.decode().strip()


def _data(text: str) -> bytes:
    raw = text.encode()
    return f"data {len(raw)}\n".encode() + raw + b"\n"


def _quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
