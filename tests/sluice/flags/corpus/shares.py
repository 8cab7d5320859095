"""How many of the corpus's removals leave nothing of the flag, by language."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.flags.languages.table import LANGUAGES
from tests.sluice.flags.corpus import SIDES, cases
from tests.sluice.flags.languages.python import cases as python


@dataclass(frozen=True)
class Share:
    """One language.

    Attributes:
        programs: of the corpus.
        removals: one for each program and value of its flag.
        whole: those that leave nothing.
    """

    language: str
    programs: int
    removals: int
    whole: int

    @property
    def percent(self) -> float:
        """Of the removals."""
        return 100 * self.whole / self.removals

    def __str__(self) -> str:
        """A row of docs/flags.md."""
        title = {"typescript": "TypeScript"}.get(self.language, self.language.title())
        return f"| {title} | {self.programs} | {self.whole} of {self.removals} | {self.percent:.1f} % |"


def shares() -> list[Share]:
    """All languages, in the order of their table."""
    return [_python() if language == "python" else _by_tree(language) for language in LANGUAGES]


def _python() -> Share:
    found = python.cases()
    removals = [case.removal(value) for case in found for value in case.values]
    return Share("python", len(found), len(removals), sum(one.whole for one in removals))


def _by_tree(language: str) -> Share:
    found = cases(language)
    removals = [case.removed(LANGUAGES[language], side) for case in found for side in SIDES]
    return Share(language, len(found), len(removals), sum(one.whole for one in removals))
