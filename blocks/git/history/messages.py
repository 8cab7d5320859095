"""The messages of the commits between two commits of a repository; no file of it is brought here."""

from __future__ import annotations

import re
from dataclasses import replace

from blocks.git.mirror import Remote, kept_as
from blocks.git.mirrors import Git
from sluice.errors import InvalidError

MOST = 200
"""Commits that are read at most: more of them are no release, but another branch or a very old image."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


async def messages(git: Git, remote: Remote, since: str, until: str) -> list[tuple[str, str]]:
    """Id and message of each commit that `until` has and `since` has not, newest first.

    Raises:
        InvalidError: one of them is no id of a commit, or `since` is not among the last `MOST` commits before `until`.
        NotFoundError: the repository has no such commit.
        TerminalError, TransientError: the server refuses us, or does not answer.
    """
    for commit in (since, until):
        if not _COMMIT.fullmatch(commit):
            raise InvalidError(f"{commit!r} is not the id of a commit: label images with the whole id")
    if since == until:
        return []
    # A copy of its own: one without files would not do for those who lay files out.
    apart = replace(remote, owner=f"{remote.owner}/messages")
    async with git.hold(apart) as mirror:
        kept = kept_as(f"commit/{until}")
        await mirror.bring(until, kept, f"--depth={MOST + 1}", "--filter=tree:0")
        known = await mirror.local("rev-list", f"--max-count={MOST + 1}", kept)
        if since not in known.decode().split():
            raise InvalidError(f"commit {since[:12]} is not among the {MOST} commits before {until[:12]}")
        out = await mirror.local("log", "--no-show-signature", "--format=%H%x00%B%x00", f"{since}..{kept}")
        await mirror.local("update-ref", "-d", kept)
    parts = out.decode(errors="replace").split("\0")
    return [(commit.strip(), message) for commit, message in zip(parts[::2], parts[1::2], strict=False)]
