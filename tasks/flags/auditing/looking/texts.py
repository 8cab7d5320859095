"""The texts of a repository that are looked through: out of the mirror, never checked out, with bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from blocks.git import files as git_files
from blocks.git.mirror import Mirror
from sluice.flags.audit.owners import LARGEST, PLACES
from sluice.flags.audit.sources import Listed, chosen, readable
from sluice.flags.languages.table import LANGUAGES, of_path

_CHUNK = 8 << 20
"""Bytes of files that are read at once: what git hands out and what is made of it are there together."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a commit has.

    Attributes:
        by_language: the files of each language, by path.
        too_large: files that were passed over for their size.
        owners: CODEOWNERS; None where there is none.
    """

    by_language: Mapping[str, Mapping[str, Listed]]
    too_large: tuple[str, ...]
    owners: Listed | None


async def listing(mirror: Mirror, commit: str, exclude: Iterable[str]) -> Listing:
    """The files of a commit that are looked through. Links and submodules lead elsewhere and are not followed.

    Raises:
        NotFoundError: the commit is not here.
        InvalidError: a path leads out of the tree, or `exclude` has what is no pattern.
    """
    found = await git_files.entries(mirror.git, mirror.folder, commit)
    regular = [Listed(one.path, one.blob, one.size) for one in found if one.mode.startswith("100")]
    suffixes = tuple(end for language in LANGUAGES.values() for end in language.suffixes)
    picked = await asyncio.to_thread(chosen, regular, suffixes, tuple(exclude))
    by_language: dict[str, dict[str, Listed]] = {}
    for path, one in picked.files.items():
        language = of_path(path)
        if language is not None:
            by_language.setdefault(language.name, {})[path] = one
    at = {one.path: one for one in regular}
    owners = next((at[path] for path in PLACES if path in at and at[path].size <= LARGEST), None)
    return Listing(by_language, picked.too_large, owners)


async def texts(mirror: Mirror, wanted: Iterable[Listed]) -> dict[str, str]:
    """The text of each file that people wrote, by path; what is binary or made by a program is left out.

    Raises:
        TerminalError: the mirror lacks one.
    """
    out: dict[str, str] = {}
    for batch in _batches(wanted):
        entries = [git_files.Entry(one.path, "100644", one.blob, one.size) for one in batch]
        for entry, raw in zip(entries, await git_files.contents(mirror.git, mirror.folder, entries), strict=True):
            text = readable(raw)
            if text is not None:
                out[entry.path] = text
    return out


def _batches(wanted: Iterable[Listed]) -> Iterable[list[Listed]]:
    batch: list[Listed] = []
    size = 0
    for one in wanted:
        batch.append(one)
        size += one.size
        if size > _CHUNK:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
