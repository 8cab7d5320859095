"""Directories with the files of sources, one for each revision, kept for a while for all that follow it.

They are shared: read only. A directory is built under another name and renamed when it is whole, so that it is there with
all of its files or not at all; it stays for ten minutes at least, so that nobody's files vanish while they are read.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4

from sluice.errors import InvalidError
from sluice.recent import Recent

_KEPT = 5
_REMEMBERED = 2000
_AGE = 600.0
"""Seconds that a directory is kept at least."""
_FACTS, _FILES = "facts.json", "files"


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one revision.

    Attributes:
        files: the directory; read only.
        digest: of all files with their names and kinds.
        size: bytes of all files.
        metadata: what the source's owner says of it.
    """

    files: Path
    digest: str
    size: int
    metadata: dict[str, str] = field(default_factory=dict)


Build = Callable[[Path], Awaitable[dict[str, str]]]
"""Puts the files into the directory that it is given, which is there and empty; the metadata."""


class Trees:
    """All directories of this process's home."""

    def __init__(self, home: Path, clock: Callable[[], float]) -> None:
        """
        Args:
            home: made where it is missing, may be deleted at any time.
            clock: seconds since the epoch.
        """
        self._home, self._clock = home, clock
        self._made: Recent[str, Path] = Recent(_REMEMBERED)
        home.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def keep(self, source: str, name: str, build: Build) -> Tree:
        """The files of a revision, built where they are not here.

        Args:
            source: whose revision it is; old revisions of it are forgotten.
            name: what makes the files what they are: the revision and what of it is wanted.
            build: makes them.
        """
        folder = self._home / _named(source)
        place = folder / _named(name)
        found = await asyncio.to_thread(_read, place)
        if found:
            return found
        building = folder / f".{uuid4().hex}"
        try:
            (building / _FILES).mkdir(parents=True)
            metadata = await build(building / _FILES)
            await asyncio.to_thread(_finish, building, metadata, place)
        finally:
            await asyncio.to_thread(shutil.rmtree, building, ignore_errors=True)
        self._made[source] = place / _FILES
        await asyncio.to_thread(_forget_old, folder, self._clock() - _AGE)
        made = await asyncio.to_thread(_read, place)
        if made is None:
            raise InvalidError(f"{place.name} vanished while it was built: is somebody deleting sluice's home?")
        return made

    def newest(self, source: str) -> Path | None:
        """The files of the revision of a source that this process made last. It may be deleted at any time.

        Not what an earlier process left: a machine that lost its power may have left it in part.
        """
        return self._made.get(source)


def measured(root: Path) -> tuple[str, int]:
    """Digest and size of all files below a directory: equal for equal names, kinds and contents, whenever they were made."""
    whole, size, top = hashlib.sha256(), 0, str(root)
    for folder, names, files in os.walk(top):
        names.sort()
        for name in sorted(files + [one for one in names if os.path.islink(f"{folder}/{one}")]):
            path = f"{folder}/{name}"
            whole.update(f"{path[len(top) + 1 :]}\0".encode(errors="surrogateescape"))
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                whole.update(f"link {os.readlink(path)}\0".encode(errors="surrogateescape"))
                continue
            size += status.st_size
            whole.update(f"{'exec' if status.st_mode & 0o100 else 'file'} {status.st_size}\0".encode())
            with open(path, "rb", buffering=0) as file:
                while chunk := file.read(1 << 18):
                    whole.update(chunk)
    return f"sha256:{whole.hexdigest()}", size


def _finish(building: Path, metadata: dict[str, str], place: Path) -> None:
    digest, size = measured(building / _FILES)
    facts = asdict(Tree(Path(), digest, size, metadata))
    (building / _FACTS).write_text(json.dumps({key: facts[key] for key in ("digest", "size", "metadata")}))
    try:
        building.rename(place)
    except OSError:
        # Another process was faster with this revision; its files are the same.
        if not (place / _FACTS).is_file():
            raise


def _read(place: Path) -> Tree | None:
    try:
        facts = json.loads((place / _FACTS).read_text())
    except FileNotFoundError:
        return None
    return Tree(place / _FILES, facts["digest"], facts["size"], facts["metadata"])


def _named(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _forget_old(folder: Path, before: float) -> None:
    """Delete all but the newest directories of a source."""
    trees = sorted((one for one in folder.iterdir() if one.is_dir()), key=lambda one: one.stat().st_mtime, reverse=True)
    for tree in trees[_KEPT:]:
        if tree.stat().st_mtime < before:
            shutil.rmtree(tree, ignore_errors=True)
