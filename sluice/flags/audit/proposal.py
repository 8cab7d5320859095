"""The removal of a flag as people read it: branch, commit, title and text of its pull request."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from difflib import unified_diff

from pydantic import BaseModel, ConfigDict

from sluice.flags.audit.finished import Finished, Row
from sluice.flags.languages.base import Left, Removal

PREFIX = "sluice/remove-flag/"
TRAILER = "Sluice-Change"
"""Of a commit that sluice made: what it changes. A branch whose head has no such line is a person's."""
LONGEST_TITLE, MOST_LEFT, LONGEST_BODY = 120, 50, 50_000
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class Proposal(BaseModel):
    """What is proposed in one repository.

    Attributes:
        flag: its key.
        value: what it always is from now on.
        branch: that has the change.
        texts: path → its new text; None where the file goes.
        change: names the change; equal for equal edits, wherever in the file they are.
        title, body: of the pull request.
        paths: the files that change, and those with what is left.
    """

    model_config = ConfigDict(frozen=True)
    flag: str
    value: str
    branch: str
    texts: dict[str, str | None]
    change: str
    title: str
    body: str

    @property
    def message(self) -> str:
        """Of the commit."""
        return f"{self.title}\n\n{TRAILER}: {self.change}\n"


def branch_of(flag: str) -> str:
    """The branch of a flag: its key, as far as a branch may have it, and what tells it from others that look so."""
    fit = _UNFIT.sub("-", flag).strip("-.").replace("..", ".").removesuffix(".lock")[:80]
    return f"{PREFIX}{fit}" if fit and fit == flag else f"{PREFIX}{fit or 'flag'}-{_short(flag)[:8]}"


def proposal(row: Row, removal: Removal, before: Mapping[str, str], finished: Finished) -> Proposal | None:
    """What to propose; None where nothing of the code can be changed surely.

    Args:
        row: what was found of the flag.
        removal: what has to change.
        before: the texts that it is about.
        finished: the audit.
    """
    texts = {path: text for path, text in removal.texts.items() if text != before.get(path)}
    if not texts:
        return None
    return Proposal(
        flag=row.flag,
        value=row.value,
        branch=branch_of(row.flag),
        texts=texts,
        change=_change(row, texts, before),
        title=f"Remove feature flag {row.flag}: {row.value} for everybody"[:LONGEST_TITLE],
        body=_body(row, removal, finished)[:LONGEST_BODY],
    )


def together(removals: Iterable[Removal], flag: str) -> Removal:
    """The removals of several languages as one."""
    texts: dict[str, str | None] = {}
    found = list(removals)
    for one in found:
        texts |= one.texts
    return Removal(
        flag,
        texts,
        tuple(place for one in found for place in one.removed),
        tuple(left for one in found for left in one.left),
    )


def _change(row: Row, texts: Mapping[str, str | None], before: Mapping[str, str]) -> str:
    """By the lines that come and go: an edit of others elsewhere in the file makes no new change of it."""
    lines = [row.flag, row.value]
    for path in sorted(texts):
        old, new = before.get(path, "").splitlines(), (texts[path] or "").splitlines()
        diff = unified_diff(old, new, lineterm="", n=0)
        lines += [path, *(line for line in diff if not line.startswith(("@@", "---", "+++")))]
    return _short("\n".join(lines))


def _body(row: Row, removal: Removal, finished: Finished) -> str:
    days = row.days(finished.at)
    by = "the flag service" if row.said_by == "service" else "the audit's own record (the service does not say)"
    since = f" It has been so for {days} days, by {by}." if days is not None else ""
    states = "\n".join(f"| `{name}` | {state.serves} | {state.since} |" for name, state in row.states.items())
    parts = [
        f"The flag `{row.flag}` gives everybody `{row.value}` in every environment.{since} "
        "This removes it from the code, with the branch that no longer runs and what only that used.",
        f"| environment | serves | since |\n|---|---|---|\n{states}",
        _left(removal.left),
        "Close this pull request to keep the flag: this change is not proposed again. Push to its branch to finish it by "
        f"hand: sluice then leaves the branch as it is. Found by FlagAudit {finished.audit}.",
    ]
    return "\n\n".join(part for part in parts if part)


def _left(left: tuple[Left, ...]) -> str:
    if not left:
        return "Nothing of the flag is left."
    lines = [f"- `{one.place}`: {one.reason}" for one in left[:MOST_LEFT]]
    more = [f"- and {len(left) - MOST_LEFT} more"] if len(left) > MOST_LEFT else []
    return "\n".join(["**Left for a person**, because it is not surely safe:", "", *lines, *more])


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
