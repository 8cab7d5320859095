"""CODEOWNERS, as GitHub and GitLab read it: whose a file is.

One reader for both: what only GitLab has (sections, `!`) is no valid line at GitHub, which passes over such lines. In each
section the last line that matches counts; GitHub's file is one section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import re2

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where the file may be: the first that is there counts, as both forges have it."""
LARGEST = 3 << 20
"""Bytes: a larger file is not read by GitHub either."""
_SECTION = re.compile(r"\^?\[(?P<name>[^\]]+)\](?:\[\d+\])?(?:\s+(?P<owners>.*))?$")
_OWNER = re.compile(r"@@?[\w./-]+|[^\s@]+@[^\s@]+\.[^\s@]+")
_WORD = re.compile(r"(?:\\.|\S)+")


@dataclass(frozen=True, slots=True)
class Line:
    """A pattern and whose its files are."""

    pattern: re2._Regexp
    owners: tuple[str, ...]
    excludes: bool = False


@dataclass(slots=True)
class Section:
    """Lines of which the last that matches counts."""

    owners: tuple[str, ...] = ()
    lines: list[Line] = field(default_factory=list)

    def of(self, path: str) -> tuple[str, ...]:
        """The owners of a file."""
        if any(line.excludes and line.pattern.fullmatch(path) for line in self.lines):
            return ()
        for line in reversed(self.lines):
            if not line.excludes and line.pattern.fullmatch(path):
                return line.owners or self.owners
        return ()


@dataclass(frozen=True, slots=True)
class Owners:
    """A whole file. Several sections that have a word on a path have it together."""

    sections: tuple[Section, ...] = ()

    def of(self, path: str) -> tuple[str, ...]:
        """The owners of a file, in the order of the text; none where nobody is named."""
        return tuple(dict.fromkeys(owner for section in self.sections for owner in section.of(path)))


def owners(text: str) -> Owners:
    """What a CODEOWNERS file says. A line that is none is passed over, as forges do."""
    named: dict[str, Section] = {"": Section()}
    here = named[""]
    for line in text.splitlines():
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        section = _SECTION.match(plain)
        if section:
            here = named.setdefault(section["name"].strip().lower(), Section())
            here.owners = here.owners or tuple(_owners(section["owners"] or ""))
            continue
        first = _WORD.match(plain)
        if first is None:
            continue
        excludes, pattern = plain.startswith("!"), first[0].removeprefix("!")
        here.lines.append(Line(re2.compile(_expression(pattern)), tuple(_owners(plain[first.end() :])), excludes))
    return Owners(tuple(named.values()))


def _owners(text: str) -> Iterator[str]:
    for word in text.split():
        if word.startswith("#"):
            return
        if _OWNER.fullmatch(word):
            yield word


def _expression(pattern: str) -> str:
    """A regular expression for the files that a pattern is about.

    As in `.gitignore`, but `docs/*` is about the files of `docs` alone, not about those of its directories.
    """
    plain = re.sub(r"\\(.)", r"\1", pattern)
    folder, anchored = plain.endswith("/"), "/" in plain.rstrip("/")
    plain = plain.strip("/")
    if not plain:
        return ".*"
    parts = plain.split("/")
    out = "" if anchored else "(?:.*/)?"
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            out += ".*" if last else "(?:.*/)?"
        else:
            out += _segment(part) + ("" if last else "/")
    if folder:
        return f"{out}/.*"
    return out if "*" in parts[-1] else f"{out}(?:/.*)?"


def _segment(part: str) -> str:
    return "".join("[^/]*" if char == "*" else "[^/]" if char == "?" else re.escape(char) for char in part)
