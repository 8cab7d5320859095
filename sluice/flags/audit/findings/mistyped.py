"""A key that the service does not have and that is one slip away from one that it has."""

from __future__ import annotations

import re

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey

_SHORT, _LONG = 5, 10
"""Characters below which no slip is believed, and from which two of them are: `beta` is no slip of `data`."""
_BETWEEN = re.compile(r"[-_. /:]+|(?<=[a-z0-9])(?=[A-Z])")


class Mistyped:
    """Probably a slip."""

    name = "mistyped"
    said = "The service has no such flag, but one of nearly that name: users get the default that the code names."
    level: Level = "error"
    removable = False

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """A key of the service is one or two slips away, or differs in case and separators only."""
        if not survey.lacks(subject) or subject.flag is not None or not survey.keys:
            return None
        near = nearest(subject.key, survey.keys)
        return Found(near=near, why=f"the service has {near!r}") if near else None


def nearest(key: str, keys: frozenset[str]) -> str:
    """The key that was probably meant; empty where none is near enough, or several are equally near."""
    plain = _plain(key)
    written = sorted(other for other in keys if _plain(other) == plain)
    if written:
        return written[0] if len(written) == 1 else ""
    allowed = 0 if len(plain) < _SHORT else 2 if len(plain) >= _LONG else 1
    rated = [(distance, other) for other in keys if (distance := slips(plain, _plain(other), allowed)) is not None]
    best = min(rated, default=None)
    return best[1] if best and sum(distance == best[0] for distance, _ in rated) == 1 else ""


def slips(one: str, other: str, most: int) -> int | None:
    """Letters that were added, left out, changed or swapped with their neighbour; None for more than `most`, or for numbers
    that differ: `checkout-v2` is another flag than `checkout-v3`."""
    if abs(len(one) - len(other)) > most or re.findall(r"\d+", one) != re.findall(r"\d+", other):
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        now = [i]
        for j, right in enumerate(other, 1):
            cost = min(row[j] + 1, now[-1] + 1, row[j - 1] + (left != right))
            if i > 1 and j > 1 and (left, one[i - 2]) == (other[j - 2], right):
                cost = min(cost, before[j - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return None
        before, row = row, now
    return row[-1] if row[-1] <= most else None


def _plain(key: str) -> str:
    return "-".join(part for part in _BETWEEN.split(key) if part).lower()
