"""The files of a commit as a source wants them: without what is ignored, only some directories, with submodules.

Everything is decided on the list of files before the first of them is read.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from blocks.git import files as git_files
from blocks.git.files import SUBMODULE, Entry
from blocks.git.mirror import Mirror, Remote, hold
from blocks.git.program import GitProgram
from blocks.git.references import Found, bring
from sluice.errors import InvalidError
from sluice.sync.bounds import Bounds, Measured
from sluice.sync.ignore import FILE, Ignore

LISTING = "listing.json"
"""Next to the files: what each of them was made of."""
_DEEPEST, _MOST_SUBMODULES = 5, 50
_MOST_RULES = 1 << 20
"""Bytes of all `.sourceignore` files together, and of `.gitmodules`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What of a commit is laid out.

    Attributes:
        ignores: whether files are left out at all: by `.sourceignore` files, `ignore`, and those that no cluster needs.
        ignore: `spec.ignore`.
        sparse: directories that are wanted; empty for all.
        submodules: whether the repositories that it names are laid out in their places.
    """

    ignores: bool = False
    ignore: str | None = None
    sparse: tuple[str, ...] = ()
    submodules: bool = False


class Checkout:
    """One commit on its way to disk."""

    def __init__(self, git: GitProgram, mirrors: Path, plan: Plan, bounds: Bounds) -> None:
        """
        Args:
            git: the program.
            mirrors: where the mirrors are.
            plan: what is wanted.
            bounds: how much that may be.
        """
        self._git, self._mirrors, self._plan = git, mirrors, plan
        self._measured = Measured(bounds, "leave files out with spec.ignore, .sourceignore or spec.sparseCheckout")
        self._submodules = 0
        self._links: list[str] = []
        self._laid: dict[str, str] = {}
        self._like: tuple[Path, dict[str, str]] = (mirrors, {})
        self.ignore = Ignore({}, plan.ignore)

    async def lay_out(self, remote: Remote, commit: str, root: Path, like: Path | None = None) -> None:
        """Put the files into the directory `root`, which is there. What they are is written down next to it.

        Args:
            remote: the repository.
            commit: a fetched one.
            root: where.
            like: the files of another revision that were laid out here, those that are equal are shared.

        Raises:
            InvalidError: it is too much, a link leads out, or a directory that is wanted is not there.
            NotFoundError: the mirror has no such commit.
            and the errors of a fetch, of a submodule.
        """
        before = await asyncio.to_thread(_listed, like) if like else {}
        self._like = (like or root, before)
        await self._lay_out(remote, commit, root, "", 0)
        await asyncio.to_thread(_list, root, self._laid)
        await asyncio.to_thread(git_files.check_links, root, self._links)

    async def _lay_out(self, remote: Remote, commit: str, root: Path, under: str, depth: int) -> None:
        async with hold(self._git, self._mirrors, remote) as mirror:
            found = await git_files.entries(self._git, mirror.folder, commit)
            if not under:
                found = _sparse(found, self._plan.sparse)
                self.ignore = await self._rules(mirror, found)
            files = [one for one in found if one.mode != SUBMODULE and self._wants(f"{under}{one.path}")]
            for entry in files:
                self._measured.add(f"{under}{entry.path}", entry.size)
            self._links += [f"{under}{entry.path}" for entry in files if entry.mode == git_files.LINK]
            place = root / under
            place.mkdir(parents=True, exist_ok=True)
            left = await asyncio.to_thread(self._shared, files, under, root)
            await asyncio.to_thread(git_files.write, self._git, mirror.folder, left, place)
            nested = [one for one in found if one.mode == SUBMODULE] if self._plan.submodules else []
            addresses = await self._modules(mirror, commit) if nested else {}
        # Only now: who waits for another mirror while he holds one could wait for somebody who does the opposite.
        for entry in nested:
            await self._submodule(remote, entry, addresses, root, under, depth)

    def _shared(self, files: Sequence[Entry], under: str, root: Path) -> list[Entry]:
        """Share what another revision has; the files that are left."""
        self._laid |= {f"{under}{one.path}": git_files.named(one) for one in files}
        like, known = self._like
        if not known:
            return list(files)
        here = {path[len(under) :]: what for path, what in known.items() if path.startswith(under)} if under else known
        return git_files.share(files, root / under, like / under, here)

    async def _submodule(
        self, remote: Remote, entry: Entry, addresses: dict[str, str], root: Path, under: str, depth: int
    ) -> None:
        self._submodules += 1
        if depth >= _DEEPEST or self._submodules > _MOST_SUBMODULES:
            raise InvalidError(
                f"{under}{entry.path}: more than {_MOST_SUBMODULES} submodules, or {_DEEPEST} inside each other"
            )
        if entry.path not in addresses:
            raise InvalidError(f"{under}{entry.path} is a submodule that .gitmodules does not name")
        other = _inner(remote, addresses[entry.path])
        async with hold(self._git, self._mirrors, other) as mirror:
            await bring(mirror, Found(shown="", ref="", commit=entry.blob))
        await self._lay_out(other, entry.blob, root, f"{under}{entry.path}/", depth + 1)

    async def _rules(self, mirror: Mirror, found: Sequence[Entry]) -> Ignore:
        rules = [one for one in found if one.path.rpartition("/")[2] == FILE and one.mode != git_files.LINK]
        if sum(one.size for one in rules) > _MOST_RULES:
            raise InvalidError(f"the {FILE} files have more than {_MOST_RULES >> 20} MiB")
        texts = await git_files.contents(self._git, mirror.folder, rules)
        pairs = zip(rules, texts, strict=True)
        return Ignore(
            {one.path.rpartition("/")[0]: text.decode(errors="replace") for one, text in pairs}, self._plan.ignore
        )

    async def _modules(self, mirror: Mirror, commit: str) -> dict[str, str]:
        """Path → address of each submodule."""
        out = await mirror.local("config", "--blob", f"{commit}:.gitmodules", "--list", "-z", allowed=(0, 1, 128))
        settings = dict(line.split("\n", 1) for line in out.decode(errors="replace").split("\0") if "\n" in line)
        paths = {name[: -len(".path")]: value for name, value in settings.items() if name.endswith(".path")}
        return {path: settings[f"{name}.url"] for name, path in paths.items() if f"{name}.url" in settings}

    def _wants(self, path: str) -> bool:
        return not self._plan.ignores or self.ignore.wants(path)


def unlisted(root: Path) -> None:
    """These files are no longer what was laid out: no other revision shares them."""
    root.with_name(LISTING).unlink(missing_ok=True)


def _list(root: Path, laid: dict[str, str]) -> None:
    root.with_name(LISTING).write_text(json.dumps(laid))


def _listed(root: Path) -> dict[str, str]:
    try:
        return dict(json.loads(root.with_name(LISTING).read_text()))
    except (OSError, ValueError):  # deleted meanwhile
        return {}


def _sparse(found: Sequence[Entry], directories: Sequence[str]) -> list[Entry]:
    if not directories:
        return list(found)
    kept: dict[str, Entry] = {}
    for directory in directories:
        plain = git_files.inside(directory)
        here = [one for one in found if plain == "." or one.path.startswith(f"{plain}/")]
        if not here:
            raise InvalidError(f"spec.sparseCheckout {directory!r} is not a directory of the repository")
        kept |= {one.path: one for one in here}
    return list(kept.values())


def _inner(remote: Remote, address: str) -> Remote:
    """The repository of a submodule. The login is for the source's own host, and goes nowhere else."""
    url = address
    if address.startswith(("./", "../")):
        url = urljoin(f"{remote.url.rstrip('/')}/", address).rstrip("/")
    other = Remote.of(url, None, remote.timeout)
    if urlsplit(other.url)[:2] == urlsplit(remote.url)[:2]:
        return replace(other, credentials=remote.credentials, owner=remote.owner)
    if other.url.startswith("ssh://") or "://" not in other.url:
        raise InvalidError(f"the submodule {other.url!r} is on another server, which spec.secretRef is not for")
    return replace(other, credentials=remote.credentials.only_proxy()) if remote.credentials else other
