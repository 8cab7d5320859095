"""The messages of the commits between two commits of a repository; no file of it is brought here."""

from __future__ import annotations

import re
from dataclasses import replace

from blocks.git.mirror import Mirror, Remote, checked_branch, kept_as
from blocks.git.mirrors import Git
from sluice.errors import InvalidError

MOST = 200
"""Commits that are read at most: more of them are no release, but another branch or a very old image."""
_COMMIT, _SHORT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"), re.compile(r"[0-9a-f]{7,64}")


async def messages(git: Git, remote: Remote, since: str, until: str, branch: str = "") -> list[tuple[str, str]]:
    """Id and message of each commit that `until` has and `since` has not, newest first.

    Args:
        branch: where `until` is looked for where its id is a short one; no server can be asked for that.

    Raises:
        InvalidError: one of them is no id of a commit, or `since` is not among the last `MOST` commits before `until`.
        NotFoundError: the repository has no such commit.
        TerminalError, TransientError: the server refuses us, or does not answer.
    """
    for commit in (since, until):
        if not _SHORT.fullmatch(commit):
            raise InvalidError(f"{commit!r} is not the id of a commit: label images with the whole id")
    whole = _COMMIT.fullmatch(until) is not None
    if not whole and not branch:
        raise InvalidError(
            f"{until!r} is a short id, and there is no branch to look for it: label images with the whole id"
        )
    if since == until:
        return []
    # A copy of its own: one without files would not do for those who lay files out.
    apart = replace(remote, owner=f"{remote.owner}/messages")
    async with git.hold(apart) as mirror:
        kept = kept_as(f"commit/{until}")
        wanted = until if whole else f"refs/heads/{checked_branch(branch)}"
        await mirror.bring(wanted, kept, f"--depth={MOST + 1}", "--filter=tree:0")
        newest = _found(await _ids(mirror, kept), until)
        oldest = _found(await _ids(mirror, newest), since) if newest else ""
        if not oldest:
            known = f"{MOST} commits before {until[:12]}" if newest else f"last {MOST} commits of branch {branch}"
            raise InvalidError(f"commit {(since if newest else until)[:12]} is not among the {known}")
        out = await mirror.local("log", "--no-show-signature", "--format=%H%x00%B%x00", f"{oldest}..{newest}")
        await mirror.local("update-ref", "-d", kept)
    parts = out.decode(errors="replace").split("\0")
    return [(commit.strip(), message) for commit, message in zip(parts[::2], parts[1::2], strict=False)]


async def _ids(mirror: Mirror, newest: str) -> list[str]:
    """The commits up to one, that one first."""
    return (await mirror.local("rev-list", f"--max-count={MOST + 1}", newest)).decode().split()


def _found(known: list[str], commit: str) -> str:
    """The whole id of a commit; empty where it is not known, or its short id is that of several."""
    fitting = [one for one in known if one.startswith(commit)]
    return fitting[0] if len(fitting) == 1 else ""
