"""The calls by which code reads a flag: what they are named, where the key stands, and how their answer is read.

A row is all that a language has to know of an SDK. `sluice/flags/sdks.py` has the rows of the common ones; a FlagAudit adds
those of its users' own helpers (`spec.calls`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Type = Literal["boolean", "variant"]
BOOLEAN: Final = "boolean"
VARIANT: Final = "variant"
TRUTHS = frozenset({"true", "false"})
"""The values of a boolean flag, as `remove` is given them; any other value is a variant's key."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call, where it is looked for.

    Attributes:
        position: its index among the positional arguments; None where it is only given by name.
        name: its keyword; in languages without keywords, the field of an object or struct that is an argument.
    """

    position: int | None = None
    name: str | None = None


FIRST = Argument(0)


@dataclass(frozen=True, slots=True)
class FlagCall:
    """One function or method that answers what a flag is.

    Attributes:
        name: the last parts of what is called: `is_enabled`, `evaluation.boolean`, `FliptClient.evaluate_boolean`.
        languages: names of the languages that have it (`python`, `go`, `typescript`, `java`).
        kind: what it answers: true or false, or a variant's key.
        key: the argument with the flag's key.
        default: the argument with what is answered where the flag cannot be read; it has the value's type.
        result: the member of the answer that has the value (`enabled`, `variant_key`, `value`, `name`): an attribute, a
            getter or a subscript of that name. Empty where the answer is the value.
        asynchronous: whether the answer has to be awaited.
        negated: whether it answers true where the flag is off (`is_off`, `isDisabled`).
        decorates: whether it is a decorator: with the flag on, what it decorates runs as if it were not there.
        members: whether it takes no key and gives all flags as one object, each under its key or that in camelCase.
    """

    name: str
    languages: frozenset[str]
    kind: Type = BOOLEAN
    key: Argument = FIRST
    default: Argument | None = None
    result: str = ""
    asynchronous: bool = False
    negated: bool = False
    decorates: bool = False
    members: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The name, part by part."""
        return tuple(self.name.split("."))

    def named(self, dotted: tuple[str, ...]) -> bool:
        """Whether a name as code writes it (`self.flags.is_enabled`, in parts) is this call's."""
        return dotted[-len(self.parts) :] == self.parts

    def answers(self, value: str) -> bool:
        """Whether it can answer this value: true and false by calls of boolean flags, all else by those of variants."""
        return (value in TRUTHS) == (self.kind == BOOLEAN)


def of_language(calls: tuple[FlagCall, ...], language: str) -> tuple[FlagCall, ...]:
    """The calls that a language has."""
    return tuple(call for call in calls if language in call.languages)


def may_read(text: str, words: frozenset[str]) -> bool:
    """Whether a text can have to do with what these words name: asked before parsing, which costs a thousand times more."""
    return any(word in text for word in words)


def words_of(calls: tuple[FlagCall, ...]) -> frozenset[str]:
    """The word without which a text has none of the calls: the last part of each name."""
    return frozenset(call.parts[-1] for call in calls)
