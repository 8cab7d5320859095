"""Reads a tar archive that somebody else made, with an end to what it costs.

What is compressed says nothing of how much it is: everything is counted as it comes, and written as it is counted. A header
of a gigabyte, which `tarfile` would read into memory, is refused.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sluice.errors import InvalidError

BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, UnicodeError)
"""What reading raises of something that is no archive, or is damaged."""
_CHUNK = 1 << 18
_MOST_AT_ONCE = 1 << 20
"""Bytes of one header: a name of a gigabyte would otherwise be read into memory."""


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


def members(archive: Path, size: int, files: int) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Each member of an archive, compressed by gzip or not, in order.

    Args:
        archive: the file.
        size: bytes that are read at most, with the headers; a little more than may be written.
        files: members that are looked at at most.

    Raises:
        InvalidError: it has more.
        one of `BROKEN`: it is none.
    """
    with archive.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        with tarfile.TarFile(fileobj=_Careful(stream, size), mode="r") as tar:  # type: ignore[arg-type]
            seen = 0
            while (member := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep each of them
                seen += 1
                if seen > files:
                    raise InvalidError(f"the archive has more than {files:,} members")
                yield tar, member


def write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """Write a member's content to a file, which may be run where the archive says so.

    Raises:
        InvalidError: the archive ends in the middle of it.
    """
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
