"""What of a source is left out: `.sourceignore` files and `spec.ignore`, in the format of `.gitignore`, as Flux reads them.

Without any of them Flux leaves out what no cluster needs: git's and CI's own files, pictures and archives. The last line
that matches a path decides, and a line with `!` brings a path back, also out of a directory that another line leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    pattern: re2._Regexp
    leaves_out: bool

    def matches(self, path: str) -> bool:
        """Whether the line is about the path."""
        return path.startswith(self.under) and self.pattern.match(path[len(self.under) :]) is not None


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

    def wants(self, path: str) -> bool:
        """Whether the file is part of the source."""
        return next((not rule.leaves_out for rule in self._rules if rule.matches(path)), True)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


@lru_cache(maxsize=4096)
def _rule(under: str, line: str) -> Rule | None:
    try:
        text, leaves_out = GitIgnoreSpecPattern.pattern_to_regex(line)
        if text is None or leaves_out is None:
            return None
        # In linear time, whatever stars somebody puts in a row.
        return Rule(under, re2.compile(text), leaves_out)
    except (ValueError, re2.error):
        raise InvalidError(f"{line[:100]!r} is no pattern of {FILE} or spec.ignore") from None
