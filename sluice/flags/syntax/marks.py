"""Marks: names that stand in a text for what is known, while it is being rewritten.

A mark is a valid name in every language, so that a text with marks is still a text of its language, and every rewrite can be
a small one on a fresh tree. Its letter says what it stands for, its number which call it came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ast_grep_py import SgNode

from sluice.flags.calls import FlagCall
from sluice.flags.reference import Place

TRUE, FALSE, VARIANT, ANSWER, PROMISE = "T", "F", "V", "A", "P"
"""True; false; the variant's key; an answer that has the value as a member; a promise of one of them."""
PATTERN = re.compile(r"\b__sluice_([TFVAP])_(\d+)__\b")
TRUTHS = {True: TRUE, False: FALSE}


class UnsafeError(Exception):
    """A call that has to stay, and why."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Read:
    """One call that reads the flag which is removed."""

    number: int
    place: Place
    call: FlagCall
    value: str
    others: dict[int, Read] = field(default_factory=dict, compare=False, repr=False)
    """All of the removal, by number: a rule that comes to know a text of the code adds it."""

    @property
    def final(self) -> str:
        """The letter of the value itself."""
        if self.value in {"true", "false"}:
            return TRUTHS[(self.value == "true") != self.call.negated]
        return VARIANT

    @property
    def answer(self) -> str:
        """The letter of what the call gives, once it was awaited."""
        return ANSWER if self.call.result else self.final


@dataclass(frozen=True, slots=True)
class Mark:
    """What a name in a text stands for."""

    letter: str
    number: int

    def __str__(self) -> str:
        return f"__sluice_{self.letter}_{self.number}__"

    @property
    def truth(self) -> bool | None:
        """Whether it is true or false; None where it is neither."""
        return {TRUE: True, FALSE: False}.get(self.letter)

    def turned(self, truth: bool) -> Mark:
        """A mark of the same call that is true or false."""
        return Mark(TRUTHS[truth], self.number)


def mark_of(text: str) -> Mark | None:
    """The mark that a text is, all of it."""
    found = PATTERN.fullmatch(text)
    return Mark(found[1], int(found[2])) if found else None


def marked(node: SgNode | None) -> Mark | None:
    """The mark that a node is, also inside parentheses."""
    if node is None:
        return None
    return mark_of(node.text().strip("() \t\r\n"))
