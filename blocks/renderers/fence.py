"""A source's files in a directory of one's own, and the fence around them: nothing in them may lead out of the source.

A tree is shared and read only, and settings and decrypted text have to be put into it: so each rendering has its own. The
files are the tree's (hard links) until one of them is written.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.renderers import settings_text
from sluice.errors import InvalidError
from sluice.sync.rendering.kustomization_file import NAMES, Reference, references

MIB = 1024**2
FILE_LIMIT = 64 * MIB
"""Most bytes of one manifest. A cluster stores no object of more than 1.5 MiB."""
SETTINGS_LIMIT = MIB
"""Most bytes of a `kustomization.yaml`."""
PLACES = 10_000
"""Most things that the files of one rendering may name."""
MANIFEST_ENDINGS = {".yaml", ".yml"}


@dataclass(frozen=True, slots=True)
class Named:
    """Something in the source that a `kustomization.yaml` names."""

    reference: Reference
    path: Path


def own_copy(tree: Path, place: Path) -> None:
    """The tree as a directory of our own.

    Raises:
        InvalidError: a symbolic link in it leads out of it.
    """
    top = os.path.realpath(tree)
    for folder, folders, files in os.walk(top):
        here = place / os.path.relpath(folder, top)
        here.mkdir(mode=0o700, exist_ok=True)
        for name in [*files, *(one for one in folders if os.path.islink(os.path.join(folder, one)))]:
            file = os.path.join(folder, name)
            if os.path.islink(file):
                _link(file, top, here / name)
            elif os.path.isfile(file):
                _share(file, here / name)


def settings_file(folder: Path) -> Path | None:
    """The `kustomization.yaml` of a directory, by whichever of its names."""
    found = [folder / name for name in NAMES if (folder / name).is_file()]
    return found[0] if found else None


def manifests(folder: Path, root: Path) -> list[str]:
    """What to apply of a directory without a `kustomization.yaml`, as Flux has it: its YAML files and those below.

    A directory below that has a `kustomization.yaml` is taken as a whole; what is there for a forge's pipelines (all
    that begins with a dot) is left out.

    Raises:
        InvalidError: a file is too large; the message names it.
    """
    found: list[str] = []
    for place, folders, files in os.walk(folder):
        here = Path(place)
        if here != folder and settings_file(here):
            folders.clear()
            found.append(str(here.relative_to(folder)))
            continue
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = f"{here.relative_to(folder)}/" if here != folder else ""
        for name in files:
            if os.path.splitext(name)[1] not in MANIFEST_ENDINGS or name.startswith("."):
                continue
            try:
                status = os.stat(f"{place}/{name}")
            except OSError:  # a link to nowhere
                continue
            if stat.S_ISREG(status.st_mode):
                _small(here / name, root, size=status.st_size)
                found.append(f"{below}{name}")
    return sorted(found)


def named(root: Path, folder: Path, *, remote: bool) -> list[Named]:
    """All in the source that the `kustomization.yaml` of this directory leads to, and those that it leads to.

    Args:
        root: the source's own copy.
        folder: in it.
        remote: whether files and bases of other places may be named, over https.

    Raises:
        InvalidError: one leads out of the source, or is too large; the message names file and field.
    """
    found: list[Named] = []
    seen: set[Path] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        file = settings_file(here)
        if here in seen or file is None:
            continue
        seen.add(here)
        for reference in _of(file, root):
            path = _inside(reference, file, root, remote=remote)
            if path is None:
                continue
            found.append(Named(reference, path))
            if len(found) > PLACES:
                raise InvalidError(f"{_called(folder, root)} leads to more than {PLACES:,} files: take it apart")
            if path.is_dir():
                waiting += [path] if reference.tree else []
            else:
                _small(path, root)
    return found


def read_settings(file: Path, root: Path) -> list[Any]:
    """The documents of a `kustomization.yaml`; kustomize takes the first.

    Raises:
        InvalidError: it is too large, or not YAML.
    """
    _small(file, root, SETTINGS_LIMIT)
    try:
        return settings_text.read(file.read_text())
    except UnicodeDecodeError as error:
        raise InvalidError(f"{_called(file, root)} is not UTF-8 text") from error
    except InvalidError as error:
        raise InvalidError(f"{_called(file, root)}: {error}") from error


def _of(file: Path, root: Path) -> list[Reference]:
    documents = [one for one in read_settings(file, root) if isinstance(one, Mapping)]
    try:
        return [reference for document in documents for reference in references(document)]
    except InvalidError as error:
        raise InvalidError(f"{_called(file, root)}: {error}") from error


def _inside(reference: Reference, file: Path, root: Path, *, remote: bool) -> Path | None:
    """The place in the source; None where there is none, which kustomize says better."""
    where = f"{_called(file, root)}: {reference.field} {reference.path[:200]!r}"
    if reference.remote:
        if reference.path.lower().startswith("https://") and remote:
            return None
        way = "only https:// is" if remote else "this installation allows none (SLUICE_REMOTE_BASES)"
        raise InvalidError(f"{where} is not in the source, and {way} fetched by kustomize: copy it into the source")
    plain = os.path.normpath(file.parent / reference.path)
    if reference.path.startswith("/") or "\0" in reference.path or not Path(plain).is_relative_to(root):
        raise InvalidError(f"{where} leads out of the source")
    real = Path(os.path.realpath(plain))
    if not real.is_relative_to(root):
        raise InvalidError(f"{where} leads out of the source")
    return real if real.exists() else None


def _small(file: Path, root: Path, most: int = FILE_LIMIT, size: int | None = None) -> None:
    if (size := file.stat().st_size if size is None else size) > most:
        raise InvalidError(
            f"{_called(file, root)} has {size // MIB:,} MiB, {most // MIB} MiB are the most: take it apart"
        )


def _called(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) and path != root else "the source"


def _link(file: str, top: str, target: Path) -> None:
    aim = os.readlink(file)
    end = os.path.realpath(file)
    if os.path.isabs(aim) or os.path.commonpath([top, end]) != top:
        where = os.path.relpath(file, top)
        raise InvalidError(f"{where} is a symbolic link that leads out of the source: put a file in its place")
    target.symlink_to(aim)


def _share(file: str, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system, or a file of somebody else's
        shutil.copyfile(file, target)
