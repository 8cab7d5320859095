"""Unpacks an archive that somebody else made: files, directories and links that stay inside, and no more than allowed."""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path

from blocks.archives import BROKEN, members, write
from blocks.git.files import check_links, inside
from sluice.errors import InvalidError
from sluice.sync.bounds import Bounds, Measured
from sluice.sync.ignore import FILE, Ignore

_MOST_RULES = 1 << 20


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
    except BROKEN as error:
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
            write(tar, member, target)
    check_links(root, links)


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


def _path(member: tarfile.TarInfo) -> str:
    if posixpath.isabs(member.name) or os.sep in {member.name[:1]}:
        raise InvalidError(f"{member.name!r} leads out of the archive")
    return inside(member.name)


def _members(archive: Path, bounds: Bounds) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Each member. What is left out has to be read too: twice as much as is allowed, and the headers of each file."""
    return members(archive, 2 * bounds.size + 4096 * bounds.files, 2 * bounds.files)
