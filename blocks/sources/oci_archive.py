"""Unpacks an archive that somebody else made: only files, directories and links that stay inside, and not more than allowed.

What is compressed says nothing of how much it is: everything is counted as it comes, and written as it is counted.
"""

from __future__ import annotations

import gzip
import os
import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from blocks.git.files import check_links, inside
from sluice.errors import InvalidError
from sluice.sync.bounds import Bounds, Measured
from sluice.sync.ignore import FILE, Ignore

_CHUNK = 1 << 18
_MOST_AT_ONCE = 1 << 20
"""Bytes of one header: a name of a gigabyte would otherwise be read into memory."""
_MOST_RULES = 1 << 20


class _Careful:
    """A file that gives only so much at once, and only so much in all."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most, self._at = file, most, 0

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MOST_AT_ONCE:
            raise InvalidError("the archive has a header of more than 1 MiB")
        taken = self._file.read(size)
        self._at += len(taken)
        if self._at > self._most:
            raise InvalidError(f"the archive unpacks to more than {self._most >> 20} MiB")
        return taken

    def tell(self) -> int:
        return self._at

    def seek(self, to: int, whence: int = 0) -> int:
        if whence or to < self._at:
            raise InvalidError("the archive is damaged: its files are not one after another")
        while to > self._at:
            if not self.read(min(to - self._at, _CHUNK)):
                break
        return self._at


def unpack(archive: Path, root: Path, bounds: Bounds, ignore: str | None) -> None:
    """Put the files of a tar archive, compressed by gzip or not, into the directory `root`.

    Args:
        archive: the file.
        root: where to; empty.
        bounds: how much it may be.
        ignore: `spec.ignore`.

    Raises:
        InvalidError: it is no archive, too much, or has what may not be in it: a device, a way out.
    """
    try:
        rules = Ignore(_rules(archive, bounds), ignore)
        _unpacked(archive, root, bounds, rules)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError) as error:
        raise InvalidError(f"the layer is no tar archive ({type(error).__name__}: {error})") from error


def _unpacked(archive: Path, root: Path, bounds: Bounds, rules: Ignore) -> None:
    measured = Measured(bounds)
    links = []
    for tar, member in _members(archive, bounds):
        path = _path(member)
        if path == "." or member.isdir():
            continue
        if not (member.isreg() or member.issym()):
            raise InvalidError(f"{path} is neither a file nor a directory nor a symbolic link")
        if not rules.wants(path):
            continue
        measured.add(path, member.size)
        target = root / path
        if any(parent.is_symlink() for parent in target.parents if root in parent.parents):
            raise InvalidError(f"{path} lies behind a symbolic link")
        if target.is_dir() and not target.is_symlink():
            raise InvalidError(f"{path} is there twice, as a file and as a directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        if member.issym():
            target.symlink_to(member.linkname)
            links.append(path)
        else:
            _write(tar, member, target)
    check_links(root, links)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = tar.extractfile(member)
    if content is None:
        raise InvalidError(f"{member.name} has no content")
    left = member.size
    with target.open("wb") as file:
        while left:
            chunk = content.read(min(left, _CHUNK))
            if not chunk:
                raise InvalidError(f"{member.name}: the archive ends in the middle of it")
            file.write(chunk)
            left -= len(chunk)
    if member.mode & 0o100:
        target.chmod(0o755)


def _rules(archive: Path, bounds: Bounds) -> dict[str, str]:
    """Text of each `.sourceignore`, by its directory."""
    found: dict[str, str] = {}
    size = 0
    for tar, member in _members(archive, bounds):
        folder, _, name = _path(member).rpartition("/")
        if name == FILE and member.isreg():
            size += member.size
            if size > _MOST_RULES:
                raise InvalidError(f"the {FILE} files have more than {_MOST_RULES >> 20} MiB")
            content = tar.extractfile(member)
            found[folder] = content.read(member.size).decode(errors="replace") if content else ""
    return found


def _members(archive: Path, bounds: Bounds) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Each member in order. More members than may be written are not looked at."""
    with archive.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        # What is left out still has to be read: twice as much as is allowed, and the headers of each file.
        careful = _Careful(stream, 2 * bounds.size + 4096 * bounds.files)
        with tarfile.TarFile(fileobj=careful, mode="r") as tar:  # type: ignore[arg-type]
            seen = 0
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep each of them
                seen += 1
                if seen > 2 * bounds.files:
                    raise InvalidError(f"the archive has more than {2 * bounds.files:,} members")
                yield tar, member


def _path(member: tarfile.TarInfo) -> str:
    if posixpath.isabs(member.name) or os.sep in {member.name[:1]}:
        raise InvalidError(f"{member.name!r} leads out of the archive")
    return inside(member.name)
