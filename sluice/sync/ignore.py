"""What of a source is left out: `.sourceignore` files and `spec.ignore`, in the format of `.gitignore`, as Flux reads them.

Without any of them Flux leaves out what no cluster needs: git's and CI's own files, pictures and archives. The last line
that matches a path decides, and a line with `!` brings a path back, also out of a directory that another line leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import re2
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from sluice.errors import InvalidError

FILE = ".sourceignore"
OF_GIT = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
BY_DEFAULT = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml"),
    *("codeship-services.yml", "codeship-steps.yml", "**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)
_MOST = 2000
"""Lines that count, of all files together."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: below which directory it counts, what it matches, and whether that is left out or brought back."""

    under: str
    pattern: str
    leaves_out: bool


class _Together:
    """All lines that count below one directory, looked through in one pass, however many they are."""

    def __init__(self, under: str, patterns: Sequence[tuple[int, str]]) -> None:
        self._under, self._numbers, self._set = under, [number for number, _ in patterns], re2.Set.MatchSet()
        for _, pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def first(self, path: str) -> int | None:
        """The number of the first line that is about the path; None where none is."""
        if not path.startswith(self._under):
            return None
        found = self._set.Match(path[len(self._under) :])
        return min(self._numbers[at] for at in found) if found else None


class Ignore:
    """The lines of one source, in order."""

    def __init__(self, files: Mapping[str, str], own: str | None = None, *, always: bool = True) -> None:
        """
        Args:
            files: text of each `.sourceignore`, by the directory that it is in; empty for the root.
            own: `spec.ignore`.
            always: whether git's own files, and what no cluster needs, are left out unasked.

        Raises:
            InvalidError: there are too many lines, or one is no pattern.
        """
        # Directories before those below them, as they are met on a walk.
        texts = [(f"{place}/" if place else "", text) for place, text in sorted(files.items())]
        lines = [(under, line) for under, text in texts for line in _lines(text)]
        lines += [("", line) for line in _lines(own or "")]
        if len(lines) > _MOST:
            raise InvalidError(f"{len(lines):,} lines of {FILE} and spec.ignore: {_MOST:,} at most are read")
        unasked = (*OF_GIT, *(() if lines else BY_DEFAULT)) if always else ()
        found = [_rule("", line) for line in unasked] + [_rule(under, line) for under, line in lines]
        self._rules = [rule for rule in reversed(found) if rule]
        self._together = _together(tuple(self._rules))

    def wants(self, path: str) -> bool:
        """Whether the file is part of the source."""
        found = [at for one in self._together if (at := one.first(path)) is not None]
        return not self._rules[min(found)].leaves_out if found else True


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@lru_cache(maxsize=64)
def _together(rules: tuple[Rule, ...]) -> list[_Together]:
    below: dict[str, list[tuple[int, str]]] = {}
    for number, rule in enumerate(rules):
        below.setdefault(rule.under, []).append((number, rule.pattern))
    return [_Together(under, patterns) for under, patterns in below.items()]


@lru_cache(maxsize=4096)
def _rule(under: str, line: str) -> Rule | None:
    try:
        text, leaves_out = GitIgnoreSpecPattern.pattern_to_regex(line)
        if text is None or leaves_out is None:
            return None
        # In linear time, whatever stars somebody puts in a row.
        re2.compile(text)
        return Rule(under, text, leaves_out)
    except (ValueError, re2.error):
        raise InvalidError(f"{line[:100]!r} is no pattern of {FILE} or spec.ignore") from None
