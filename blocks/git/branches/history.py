"""What a repository's history says: who wrote a line, and whether one commit is part of another's past."""

from __future__ import annotations

import re
from collections.abc import Iterable

from blocks.git.mirror import Mirror, kept_as
from sluice.errors import NotFoundError, SluiceError

_AUTHOR = re.compile(rb"^author (.*)$", re.MULTILINE)
MOST_LINES = 500
"""Lines of one repository whose author is looked for in one audit."""


async def with_history(mirror: Mirror, branch: str) -> None:
    """Bring the whole past of a branch here. It is kept until the next newest-commit-only fetch makes the mirror forget it.

    Raises:
        the errors of a fetch.
    """
    shallow = (await mirror.local("rev-parse", "--is-shallow-repository")).strip() == b"true"
    how = ("--unshallow",) if shallow else ("--no-auto-maintenance",)
    ref = f"refs/heads/{branch}"
    await mirror.bring(ref, kept_as(ref), *how)


async def authors(mirror: Mirror, commit: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """Who wrote each line last, by name; what git cannot say is left out.

    Args:
        mirror: with the history of the commit.
        commit: as which the lines are counted.
        places: path and line.
    """
    found: dict[tuple[str, int], str] = {}
    for path, line in list(dict.fromkeys(places))[:MOST_LINES]:
        try:
            out = await mirror.local("blame", "--porcelain", "-L", f"{line},{line}", commit, "--", path)
        except SluiceError:
            continue  # the file has fewer lines than it had, or is none any more
        author = _AUTHOR.search(out)
        if author:
            found[path, line] = author[1].decode(errors="replace").strip()
    return found


async def contains(mirror: Mirror, commit: str, part: str) -> bool:
    """Whether `part` is `commit` or in its past. Both have to be here with their history.

    Raises:
        NotFoundError: one of them is not here.
    """
    for one in (commit, part):
        out = await mirror.local("cat-file", "-t", one, allowed=(0, 128))
        if out.strip() != b"commit":
            raise NotFoundError(f"commit {one} is not in {mirror.remote.url}: was its branch rewritten?")
    # git answers by its exit code alone, which `local` gives nobody: what is in the one and not in the other says it too.
    out = await mirror.local("rev-list", "--max-count=1", part, f"^{commit}")
    return not out.strip()
