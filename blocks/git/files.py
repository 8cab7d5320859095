"""Reads files out of a commit and lays its tree out on disk, without ever checking it out.

A repository's content comes from people who may not have our rights: no filter of its attributes runs, and no path and
no symbolic link in it may lead out of the directory that it is laid out in.
"""

from __future__ import annotations

import asyncio
import os
import posixpath
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from blocks.git.program import GitProgram
from sluice.errors import InvalidError, NotFoundError, TerminalError

LOCAL_TIMEOUT = 30.0
"""Seconds for a call of git that talks to no server."""
_LINK = "120000"
_EXECUTABLE = "100755"
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree."""

    path: str
    mode: str
    blob: str


async def entries(git: GitProgram, mirror: Path, commit: str, paths: Sequence[str] = ()) -> list[Entry]:
    """The files of a commit, or those of the given paths.

    Raises:
        NotFoundError: the mirror has no such commit.
        InvalidError: a path leads out of the tree.
    """
    try:
        listing = await git.run(
            "ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths, folder=mirror, timeout=LOCAL_TIMEOUT
        )
    except TerminalError as error:
        raise NotFoundError(f"commit {commit} is not in the mirror: {error}") from error
    found = []
    for line in listing.split(b"\0"):
        if line:
            about, _, raw = line.partition(b"\t")
            mode, _, blob = about.decode().split(" ")
            found.append(Entry(inside(os.fsdecode(raw)), mode, blob))
    return found


async def contents(git: GitProgram, mirror: Path, wanted: Sequence[Entry]) -> list[bytes]:
    """The content of each entry, in the same order."""
    if not wanted:
        return []
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


async def lay_out(git: GitProgram, mirror: Path, commit: str, place: Path) -> None:
    """Put the files of a commit into the directory `place`, all or nothing. Submodules are left out, as Flux does.

    Raises:
        InvalidError: a symbolic link leads out of the tree.
        NotFoundError: the mirror has no such commit.
    """
    files = [entry for entry in await entries(git, mirror, commit) if entry.mode != _SUBMODULE]
    data = await contents(git, mirror, files)
    await asyncio.to_thread(_place, files, data, place)


def inside(path: str) -> str:
    """The path in its plain form.

    Raises:
        InvalidError: it is absolute or leads out of the tree.
    """
    plain = posixpath.normpath(path)
    if plain.startswith("/") or "\0" in path or {"..", ".git"} & set(plain.split("/")):
        raise InvalidError(f"{path!r} leads out of the repository")
    return plain


def _place(files: Sequence[Entry], data: Sequence[bytes], place: Path) -> None:
    building = place.with_name(f".{place.name}-{uuid4().hex}")
    try:
        building.mkdir(parents=True)
        for entry, content in zip(files, data, strict=True):
            _write(building, entry, content)
        _check_links(building, files)
        try:
            building.rename(place)
        except OSError:
            # Another run of the same commit was faster; its files are the same.
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write(root: Path, entry: Entry, content: bytes) -> None:
    target = root / entry.path
    # git keeps no file below a link, but a crafted tree could say so: never write through one, not even a directory.
    if any(parent.is_symlink() for parent in target.parents if root in parent.parents):
        raise InvalidError(f"{entry.path} lies behind a symbolic link")
    if target.is_symlink():
        raise InvalidError(f"{entry.path} is there twice, as a file and as a symbolic link")
    target.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode == _LINK:
        target.symlink_to(os.fsdecode(content))
        return
    target.write_bytes(content)
    if entry.mode == _EXECUTABLE:
        target.chmod(0o755)


def _check_links(root: Path, files: Sequence[Entry]) -> None:
    """Follow every link to its end: a chain of links may leave the tree although each of them alone seems to stay."""
    top = os.path.realpath(root)
    for entry in files:
        if entry.mode == _LINK:
            end = os.path.realpath(root / entry.path)
            if os.path.commonpath([top, end]) != top:
                aim = os.readlink(root / entry.path)
                raise InvalidError(f"{entry.path} is a symbolic link to {aim!r}, out of the repository")
