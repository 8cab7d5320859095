"""Where else a commit is pushed: `spec.git.push.refspec` of an ImageUpdateAutomation."""

from __future__ import annotations

import re

from sluice.errors import InvalidError

_REFERENCE = re.compile(r"refs/(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]+(?<![./])")


def refspec_to_push(refspec: str, branch: str) -> str:
    """The reference that a refspec names on the server, with its `+` where it has one; empty for no refspec.

    Args:
        refspec: `source:destination`, as git writes it.
        branch: the one that the commit is made for, which is all that may be a source.

    Raises:
        InvalidError: it names another source, or what is no reference.
    """
    if not refspec:
        return ""
    forced = "+" if refspec.startswith("+") else ""
    source, colon, reference = refspec.removeprefix("+").partition(":")
    if source not in {"HEAD", branch, f"refs/heads/{branch}"}:
        raise InvalidError(
            f"spec.git.push.refspec {refspec!r} pushes {source or 'nothing'!r}: "
            f"what there is to push is refs/heads/{branch}"
        )
    if not colon or not _REFERENCE.fullmatch(reference):
        raise InvalidError(f"spec.git.push.refspec {refspec!r}: write refs/heads/{branch}:refs/heads/another")
    return forced + reference
