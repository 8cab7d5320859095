"""Which commit of a repository is wanted: a branch, a tag, the highest tag of a range, any reference, or one commit.

The server is asked what its references point at; only what is not here yet is brought.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from blocks.git.mirror import Mirror, Remote, checked_branch, exchange, kept_as
from blocks.git.program import GitProgram
from sluice.errors import InvalidError, NotFoundError, SluiceError
from sluice.images.ranges import parse_range, parse_version

_BRANCHES, _TAGS = "refs/heads/", "refs/tags/"
_NAME = re.compile(r"refs/(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which commit: a commit goes before a name, that before a range of tags, a tag and a branch.

    Attributes:
        branch: by its name.
        tag: by its name.
        semver: range of versions that the tag must be in.
        name: whole name of a reference, `refs/pull/420/head`.
        commit: its id; with a branch that it is expected on.
    """

    branch: str = ""
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What it came to.

    Attributes:
        shown: how a revision writes the reference; empty where there is none.
        ref: its whole name on the server; empty for a commit alone.
        commit: that it points at; empty where the server would have to be asked more to know.
        tag: id of the tag object; empty for a tag without one, and for what is no tag.
    """

    shown: str
    ref: str
    commit: str
    tag: str = ""


async def look(git: GitProgram, home: Path, remote: Remote, wanted: Wanted) -> Found:
    """What the server says of the wanted reference, in one exchange; nothing is brought. A commit is not asked for.

    Raises:
        NotFoundError: there is no such reference; where it is the default branch that is wanted, the one that there is.
        InvalidError: what is wanted is no name of a reference, or no range.
    """
    named = _named(wanted)
    if named and not named.ref:
        return named
    listed = await _listed(git, home, remote, _kinds(wanted))
    if not named:
        tag = _highest(listed, wanted.semver)
        named = Found(shown=tag, ref=f"{_TAGS}{tag}", commit="")
    at = listed.get(named.ref)
    if not at:
        branch = named.ref == f"{_BRANCHES}{wanted.branch}"
        raise NotFoundError(f"there is no {named.ref}{await _others(git, home, remote) if branch else ''}")
    peeled = listed.get(f"{named.ref}^{{}}")
    return Found(shown=named.shown, ref=named.ref, commit=peeled or at, tag=at if peeled else "")


async def find(mirror: Mirror, wanted: Wanted) -> Found:
    """Bring what is wanted here, in as few exchanges as it takes; with its commit and its tag object as they are now.

    Raises:
        NotFoundError: it is not there, or the server does not give a commit by its id.
        InvalidError: as `look`.
    """
    named = _named(wanted)
    try:
        return await bring(mirror, named or await look(mirror.git, mirror.folder, mirror.remote, wanted))
    except NotFoundError as error:
        if named and named.ref == f"{_BRANCHES}{wanted.branch}":
            raise NotFoundError(f"{error}{await _others(mirror.git, mirror.folder, mirror.remote)}") from error
        raise


async def look_first(mirror: Mirror, wanted: Wanted) -> Found:
    """As `find`, but the server is asked to send something only where the commit is not here yet.

    Raises:
        as `find`.
    """
    return await bring(mirror, await look(mirror.git, mirror.folder, mirror.remote, wanted))


async def bring(mirror: Mirror, found: Found) -> Found:
    """Bring what was found here; with its commit and its tag object as they are now.

    Raises:
        as `find`.
    """
    wanted, kept = found.ref or found.commit, kept_as(found.ref or found.commit)
    if found.commit and (await _resolved(mirror, found.tag or found.commit))[1]:
        return found
    try:
        await mirror.bring(wanted, kept)
    except SluiceError as error:
        if found.ref or not _refused(error):
            raise
        # Not every server gives what no reference points at: then all of the branch comes.
        await mirror.bring(f"{_BRANCHES}{found.shown}" if found.shown else "HEAD", kept, *await _whole(mirror))
    at, commit = await _resolved(mirror, kept if found.ref else found.commit)
    if not (at and commit):
        where = f" on branch {found.shown!r}" if found.shown and not found.ref else ""
        raise NotFoundError(f"{wanted} is not there{where}, or is no commit")
    return Found(shown=found.shown, ref=found.ref, commit=commit, tag=at if at != commit else "")


def _named(wanted: Wanted) -> Found | None:
    """What needs no look first: everything but the highest of a range.

    Raises:
        InvalidError: it is no name of a reference.
    """
    if wanted.commit:
        _checked(_COMMIT, wanted.commit, "spec.ref.commit", "write all 40 digits of a commit")
        return Found(shown=wanted.branch, ref="", commit=wanted.commit)
    if wanted.name:
        name = _checked(_NAME, wanted.name, "spec.ref.name", "write all of it: refs/heads/main")
        return Found(shown=name, ref=name, commit="")
    if wanted.semver:
        return None
    if wanted.tag:
        ref = _checked(_NAME, f"{_TAGS}{wanted.tag}", "spec.ref.tag", "write the name of a tag")
        return Found(shown=wanted.tag, ref=ref, commit="")
    return Found(shown=wanted.branch, ref=f"{_BRANCHES}{checked_branch(wanted.branch)}", commit="")


async def _listed(git: GitProgram, home: Path, remote: Remote, kinds: Iterable[str]) -> dict[str, str]:
    """Reference → what it points at; a tag object's commit has the name with `^{}`."""
    out = await exchange(git, home, remote, "ls-remote", "--quiet", *kinds, "--", remote.url)
    lines = (line.partition("\t") for line in out.decode(errors="surrogateescape").splitlines())
    return {ref: commit for commit, _, ref in lines}


def _kinds(wanted: Wanted) -> tuple[str, ...]:
    """As little as the protocol allows: a server may have references by the ten thousand."""
    if wanted.name and not wanted.name.startswith((_BRANCHES, _TAGS)):
        return ()
    tags = wanted.name.startswith(_TAGS) if wanted.name else wanted.tag or wanted.semver
    return ("--tags",) if tags else ("--heads",)


def _highest(listed: dict[str, str], semver: str) -> str:
    allowed = parse_range(semver, field="spec.ref.semver")
    tags = [ref.removeprefix(_TAGS) for ref in listed if ref.startswith(_TAGS) and not ref.endswith("^{}")]
    versions = [(version, tag) for tag in tags if (version := parse_version(tag)) and allowed.allows(version)]
    if not versions:
        raise NotFoundError(f"no tag is in the range {semver!r} of spec.ref.semver ({len(tags)} tags)")
    return max(versions)[1]


async def _others(git: GitProgram, home: Path, remote: Remote) -> str:
    """The way out where a branch is not there: the default branch, which may have been renamed."""
    out = await exchange(git, home, remote, "ls-remote", "--quiet", "--symref", "--", remote.url, "HEAD")
    head = re.search(rf"^ref: {_BRANCHES}(\S+)\tHEAD$", out.decode(errors="replace"), re.MULTILINE)
    return (
        f"; the default branch is {head[1]!r}: set spec.ref.branch"
        if head
        else "; the repository has no default branch"
    )


def _checked(pattern: re.Pattern[str], text: str, field: str, way_out: str) -> str:
    if not pattern.fullmatch(text):
        raise InvalidError(f"{field} {text!r} is not the name of one; {way_out}")
    return text


def _refused(error: SluiceError) -> bool:
    return any(sign in str(error) for sign in ("not our ref", "unadvertised object", "couldn't find remote ref"))


async def _whole(mirror: Mirror) -> tuple[str, ...]:
    """The options by which not only the newest commit comes: there is none that asks for it in a mirror that has all."""
    shallow = (await mirror.local("rev-parse", "--is-shallow-repository")).strip() == b"true"
    return ("--unshallow",) if shallow else ("--no-auto-maintenance",)


async def _resolved(mirror: Mirror, what: str) -> tuple[str, str]:
    """The object that a name stands for, and the commit that it is or leads to; empty where they are not here."""
    asked = f"{what}\n{what}^{{commit}}\n".encode()
    out = await mirror.local("cat-file", "--batch-check=%(objectname)", stdin=asked)
    lines = [line if _COMMIT.fullmatch(line) else "" for line in out.decode(errors="replace").splitlines()]
    return lines[0], lines[1]
