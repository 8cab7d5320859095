"""Where code reads a flag."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a repository's text.

    Attributes:
        path: the file, from the repository's root, with `/`.
        line: from 1.
        column: from 1, in characters.
    """

    path: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Reference:
    """One place at which code reads a flag, or hands its key to a wrapper that does.

    Attributes:
        flag: the flag's key.
        place: of the call.
        call: what is called, as the code writes it.
        language: the language's name.
        sure: whether the key is known for certain; a key that is put together at run time is not.
        why: how the key was found: literal, constant, member of an enum, wrapper; or why it is not sure.
        spelled: whether the flag's key may be spelled in another way here: `newCheckout` for `new-checkout`.
    """

    flag: str
    place: Place
    call: str
    language: str
    sure: bool = True
    why: str = ""
    spelled: bool = False
