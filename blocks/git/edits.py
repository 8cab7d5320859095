"""A change that is made in a repository: edited, committed, pushed, and made again where somebody else was faster.

A commit is made without a working directory and pushed on the condition that the branch still is where the edit started
from. A change that goes to a branch of its own is made on the other branch as the server has it, every time, and takes the
place of what that branch had; where that is the very change already, nothing is pushed.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from blocks.git import files as git_files
from blocks.git.commit import Author, write_commit
from blocks.git.mirror import Mirror, checked_branch
from blocks.git.refspecs import refspec_to_push
from blocks.git.signing import Signer, signed
from sluice.errors import ConflictError, NotFoundError, SluiceError

Files = Mapping[str, str]
"""Path in the repository → text of the file."""
_REGULAR = "100644"


async def _nothing() -> None:
    """What is done before an edit that needs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A change to be made in a repository.

    Attributes:
        branch: what to start from.
        change: gets the files that hold `mark` and those of `also`, gives those that it changed; called again on a newer
            tree where somebody else pushed meanwhile.
        message: of the commit; asked after the last `change`.
        author: of the commit.
        mark: text that a YAML file must hold to be edited; empty where only `also` is.
        under: directory in the repository; empty for all of it.
        push_to: branch to push to; empty for `branch`. Another branch is overwritten with `branch` and the change.
        also: files that are edited whether they hold the mark or not; one that is missing is an empty text.
        before: awaited before each `change`, when the tree that it gets is known.
        commit: what to start from instead of the branch's newest; only with a `push_to` of another name.
        signer: signs the commit; None to leave it unsigned.
        refspec: where else to push it, `refs/heads/<push_to>:<reference>`; empty for nowhere.
        options: push options for the server.
    """

    branch: str
    change: Callable[[Files], Files]
    message: Callable[[], str]
    author: Author
    mark: str
    under: str = ""
    push_to: str = ""
    also: tuple[str, ...] = ()
    before: Callable[[], Awaitable[None]] = _nothing
    commit: str = ""
    signer: Signer | None = None
    refspec: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The branch that is pushed to."""
        return self.push_to or self.branch


@dataclass(frozen=True, slots=True)
class Commit:
    """What an edit came to.

    Attributes:
        id: the commit that the pushed branch is at, with the edit in it.
        files: paths that the edit changed; empty where the branch had everything already.
        tries: how often the edit was done because somebody else pushed meanwhile.
        base: the commit that the edit was made on.
        waiting: paths in which the branch that was pushed to differs from the one that was started from.
    """

    id: str
    files: tuple[str, ...]
    tries: int = 1
    base: str = ""
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Would:
    """What an edit would come to.

    Attributes:
        base: the commit that it would be made on.
        files: paths that it would push; empty where the branch to push to has everything already.
        waiting: paths in which the branch to push to differs from the one that is started from.
    """

    base: str
    files: tuple[str, ...]
    waiting: tuple[str, ...] = ()


async def make(mirror: Mirror, edit: Edit, *, redo: int, moment: int) -> Commit:
    """Edit files of a branch and push the result.

    The first try starts from what we last heard of the branch: the push finds out whether that was still true. So does the
    server where the edit refuses what we know. That cannot be found out by a push to another branch: there the server is
    asked first.

    Raises:
        ConflictError: others pushed again and again; nothing was lost, nothing was written.
        and the errors of a fetch.
    """
    checked_branch(edit.target)
    refspec_to_push(edit.refspec, edit.target)
    if edit.target != edit.branch or edit.commit:
        return await _make_beside(mirror, edit, moment)
    base = await mirror.known(edit.branch)
    tries = 0
    while True:
        fresh = base is None
        base = base or await mirror.fetch(edit.branch)
        tries += 1
        try:
            changed = await _changed(mirror, base, edit)
        except SluiceError:
            if fresh:
                raise
            base = None
            continue
        if not changed and fresh:
            return Commit(base, (), tries, base)
        try:
            if changed:
                made = await _write(mirror, base, edit, changed, moment)
                await _push(mirror, edit, made, base)
                return Commit(made, tuple(sorted(changed)), tries, base)
        except ConflictError:
            if tries > redo:
                raise
            await asyncio.sleep(random.uniform(0, 0.05 * tries))
        # What we know is old, or the edit is there already as far as we know: ask the server.
        base = None


async def would_change(mirror: Mirror, edit: Edit) -> Would:
    """What an edit would come to now, by what the server has; nothing is written."""
    if edit.target != edit.branch or edit.commit:
        base = edit.commit or await mirror.fetch(edit.branch)
        changed = await _changed(mirror, base, edit)
        there = await _there(mirror, edit.target) if changed else None
        same = there is not None and await _holds(mirror, there, changed)
        paths = tuple(sorted(changed))
        return Would(base, () if same else paths, paths)
    base = await mirror.fetch(edit.branch)
    return Would(base, tuple(sorted(await _changed(mirror, base, edit))))


async def _make_beside(mirror: Mirror, edit: Edit, moment: int) -> Commit:
    base = edit.commit or await mirror.fetch(edit.branch)
    changed = await _changed(mirror, base, edit)
    waiting = tuple(sorted(changed))
    if not changed:
        return Commit(base, (), 1, base)
    made = await _write(mirror, base, edit, changed, moment)
    there = await _there(mirror, edit.target)
    if there and await _same(mirror, made, there):
        return Commit(there, (), 1, base, waiting)
    await _push(mirror, edit, made, None)
    return Commit(made, waiting, 1, base, waiting)


async def _there(mirror: Mirror, branch: str) -> str | None:
    try:
        return await mirror.fetch(branch)
    except NotFoundError:
        return None


async def _same(mirror: Mirror, one: str, other: str) -> bool:
    """Whether two commits are one change: the same tree on the same parents."""
    heads = [await mirror.local("cat-file", "commit", commit) for commit in (one, other)]
    kept = [[line for line in _head(raw) if line.startswith((b"tree ", b"parent "))] for raw in heads]
    return kept[0] == kept[1]


async def _holds(mirror: Mirror, commit: str, files: Mapping[str, tuple[str, str]]) -> bool:
    """Whether a commit has these files with these texts."""
    found = await git_files.entries(mirror.git, mirror.folder, commit, sorted(files))
    data = await git_files.contents(mirror.git, mirror.folder, found)
    texts = {entry.path: content for entry, content in zip(found, data, strict=True)}
    return all(texts.get(path) == text.encode() for path, (_, text) in files.items())


def _head(raw: bytes) -> list[bytes]:
    return raw.partition(b"\n\n")[0].split(b"\n")


async def _push(mirror: Mirror, edit: Edit, made: str, expected: str | None) -> None:
    if edit.refspec:
        # First: once the branch has the commit, nothing would be seen missing any more.
        ref = refspec_to_push(edit.refspec, edit.target)
        await mirror.push_ref(made, ref.lstrip("+"), edit.options, force=ref.startswith("+"))
    await mirror.push(made, edit.target, expected, edit.options)


async def _write(mirror: Mirror, base: str, edit: Edit, changed: Mapping[str, tuple[str, str]], moment: int) -> str:
    made = await write_commit(
        mirror.git,
        mirror.folder,
        base=base,
        files=changed,
        message=edit.message(),
        author=edit.author,
        moment=moment,
    )
    return await signed(mirror, made, edit.signer) if edit.signer else made


async def _changed(mirror: Mirror, base: str, edit: Edit) -> dict[str, tuple[str, str]]:
    """Path → its mode and its new text, for each file that the edit changes."""
    also = [git_files.inside(path) for path in edit.also]
    paths = await mirror.holding(base, edit.mark, git_files.inside(edit.under or ".")) if edit.mark else []
    wanted = [*paths, *(path for path in also if path not in paths)]
    if not wanted:
        return {}
    found = await git_files.entries(mirror.git, mirror.folder, base, [f":(literal){path}" for path in wanted])
    data = await git_files.contents(mirror.git, mirror.folder, found)
    texts: dict[str, str] = dict.fromkeys(also, "")
    for entry, content in zip(found, data, strict=True):
        # A file that is no text cannot hold a mark that anybody put there.
        with contextlib.suppress(UnicodeDecodeError):
            texts[entry.path] = content.decode()
    modes = {entry.path: entry.mode for entry in found}
    await edit.before()
    changed = edit.change(texts)
    return {path: (modes.get(path, _REGULAR), text) for path, text in changed.items() if texts.get(path) != text}
