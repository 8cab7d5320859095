"""Reads files out of a commit and lays its tree out on disk, without ever checking it out.

A repository's content comes from people who may not have our rights: no filter of its attributes runs, and no path and
no symbolic link in it may lead out of the directory that it is laid out in.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from blocks.git.login import environment
from blocks.git.program import GitProgram
from sluice.errors import InvalidError, NotFoundError, TerminalError

LOCAL_TIMEOUT = 30.0
"""Seconds for a call of git that talks to no server."""
LAY_OUT_TIMEOUT = 300.0
"""Seconds for writing all files of a commit."""
LINK = "120000"
_EXECUTABLE = "100755"
SUBMODULE = "160000"
_CHUNK = 1 << 18
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
"""Only what is not there is written: a file may be another revision's as well."""
_LONGEST_LINK = 4096
_MOST_IN_MEMORY = 64 << 20
"""Bytes of all files that are read into memory at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree."""

    path: str
    mode: str
    blob: str
    size: int = 0


async def entries(git: GitProgram, mirror: Path, commit: str, paths: Sequence[str] = ()) -> list[Entry]:
    """The files of a commit, or those of the given paths.

    Raises:
        NotFoundError: the mirror has no such commit.
        InvalidError: a path leads out of the tree.
    """
    try:
        listing = await git.run(
            "ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", *paths, folder=mirror, timeout=LOCAL_TIMEOUT
        )
    except TerminalError as error:
        raise NotFoundError(f"commit {commit} is not in the mirror: {error}") from error
    found = []
    for line in listing.split(b"\0"):
        if line:
            about, _, raw = line.partition(b"\t")
            mode, _, blob, size = about.decode().split()
            found.append(Entry(inside(os.fsdecode(raw)), mode, blob, int(size) if size.isdecimal() else 0))
    return found


async def contents(git: GitProgram, mirror: Path, wanted: Sequence[Entry]) -> list[bytes]:
    """The content of each entry, in the same order.

    Raises:
        InvalidError: that is too much to be held in memory; the message names the largest.
    """
    if not wanted:
        return []
    if sum(entry.size for entry in wanted) > _MOST_IN_MEMORY:
        largest = max(wanted, key=lambda entry: entry.size)
        raise InvalidError(f"{largest.path} has {largest.size:,} bytes: it is too large to be edited")
    asked = "".join(f"{entry.blob}\n" for entry in wanted).encode()
    out = await git.run("cat-file", "--batch", folder=mirror, timeout=LOCAL_TIMEOUT, stdin=asked)
    found: list[bytes] = []
    at = 0
    for entry in wanted:
        end = out.index(b"\n", at)
        head = out[at:end].split(b" ")
        if head[-1] == b"missing":
            raise TerminalError(f"{entry.path}: the mirror lacks its content ({entry.blob})")
        size = int(head[2])
        found.append(out[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return found


def inside(path: str) -> str:
    """The path in its plain form.

    Raises:
        InvalidError: it is absolute or leads out of the tree.
    """
    plain = posixpath.normpath(path)
    if plain.startswith("/") or "\0" in path or {"..", ".git"} & set(plain.split("/")):
        raise InvalidError(f"{path!r} leads out of the repository")
    return plain


def share(files: Sequence[Entry], root: Path, like: Path, known: Mapping[str, str]) -> list[Entry]:
    """Put those of the files into a directory that another one has already, by a link; the others are left.

    Making a file costs many times as much as linking it, and most files of a commit are those of the commit before.

    Args:
        files: what is wanted.
        root: where.
        like: the other directory, in which no file is ever written to.
        known: what is there: mode and blob by path.

    Raises:
        InvalidError: one would be put behind a symbolic link.
    """
    left, made = list[Entry](), set[str]()
    for entry in files:
        if known.get(entry.path) != named(entry) or entry.mode == LINK:
            left.append(entry)
            continue
        above = entry.path.rpartition("/")[0]
        if above not in made:
            _make_directory(root, above, entry.path)
            made.add(above)
        try:
            os.link(f"{like}/{entry.path}", f"{root}/{entry.path}", follow_symlinks=False)
        except OSError:  # it was deleted meanwhile, or has too many names
            left.append(entry)
    return left


def named(entry: Entry) -> str:
    """What a file is made of: equal for equal content and kind."""
    return f"{entry.mode} {entry.blob}"


def write(git: GitProgram, mirror: Path, files: Sequence[Entry], root: Path) -> None:
    """Put the files into a directory, each as git hands it out: none is ever whole in memory. Links are not checked yet.

    Raises:
        InvalidError: one would be written through a link.
        TerminalError: the mirror is not whole.
    """
    if not files:
        return
    with environment(git.home, git.protocols, None) as variables, tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{entry.blob}\n" for entry in files).encode())
        asked.seek(0)
        with subprocess.Popen(
            [git.path, "cat-file", "--batch"], cwd=mirror, env=variables, stdin=asked, stdout=subprocess.PIPE
        ) as process:
            end = threading.Timer(LAY_OUT_TIMEOUT, process.kill)
            end.start()
            try:
                out, made = cast(IO[bytes], process.stdout), set[str]()
                for entry in files:
                    head = out.readline().split()
                    if len(head) != 3 or int(head[2]) != entry.size:
                        raise TerminalError(f"{entry.path}: the mirror lacks its content ({entry.blob})")
                    _write(root, entry, out, made)
                    out.read(1)
            finally:
                end.cancel()
                process.kill()


def _write(root: Path, entry: Entry, content: IO[bytes], made: set[str]) -> None:
    """Write one file; `made` are the directories that are known to be there and to be no links."""
    target = f"{root}/{entry.path}"
    above = entry.path.rpartition("/")[0]
    if above not in made:
        _make_directory(root, above, entry.path)
        made.add(above)
    if entry.mode == LINK:
        if entry.size > _LONGEST_LINK:
            raise InvalidError(f"{entry.path} is a symbolic link of {entry.size:,} bytes")
        try:
            os.symlink(os.fsdecode(content.read(entry.size)), target)
        except FileExistsError as error:
            raise InvalidError(f"{entry.path} is there twice") from error
        return
    try:
        descriptor = os.open(target, _NEW, 0o777 if entry.mode == _EXECUTABLE else 0o666)
    except FileExistsError as error:
        how = ", as a file and as a symbolic link" if os.path.islink(target) else ""
        raise InvalidError(f"{entry.path} is there twice{how}") from error
    with open(descriptor, "wb", buffering=0) as file:
        left = entry.size
        while left:
            chunk = content.read(min(left, _CHUNK))
            if not chunk:
                raise TerminalError(f"{entry.path}: the mirror lacks the rest of its content ({entry.blob})")
            file.write(chunk)
            left -= len(chunk)
    if entry.mode == _EXECUTABLE:
        os.chmod(target, 0o755)  # noqa: S103 - as git has it


def _make_directory(root: Path, path: str, of: str) -> None:
    """Make a directory below `root`, and those above it.

    git keeps no file below a link, but a crafted tree could say so: never write through one, not even a directory.
    """
    folder = root / path
    if any(one.is_symlink() for one in (folder, *folder.parents) if root in one.parents):
        raise InvalidError(f"{of} lies behind a symbolic link")
    folder.mkdir(parents=True, exist_ok=True)


def check_links(root: Path, links: Sequence[str]) -> None:
    """Follow every link to its end: a chain of links may leave the tree although each of them alone seems to stay.

    Raises:
        InvalidError: one leads out of the tree.
    """
    top = os.path.realpath(root)
    for path in links:
        end = os.path.realpath(root / path)
        if os.path.commonpath([top, end]) != top:
            aim = os.readlink(root / path)
            raise InvalidError(f"{path} is a symbolic link to {aim!r}, out of the repository")
