"""What a language does with flags: find where they are read, and rid the code of one.

Both work on the texts of one repository and on nothing else: no file is read, no code is run, nothing is asked. A line that
does not have to change stays byte for byte as it is (line ends, tabs, a byte-order mark, a missing newline at the end). What
is not surely safe is left, with the place and the reason: a wrong removal costs an outage, a place that is left costs a
minute of a person's time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sluice.flags.calls import FlagCall
from sluice.flags.reference import Place, Reference


@dataclass(frozen=True, slots=True, order=True)
class Left:
    """A place that still has to do with the flag, and why it was not changed."""

    place: Place
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Removal:
    """What has to change so that a repository no longer knows a flag.

    Attributes:
        flag: its key.
        texts: the new text of each file that changes, by path; None where the file is deleted.
        removed: the places (in the old texts) at which the flag was read or something that only it used stood.
        left: what stays for a person.
    """

    flag: str
    texts: Mapping[str, str | None]
    removed: tuple[Place, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing of the flag is left."""
        return not self.left


class Language(Protocol):
    """One language. Texts are by path, of one repository; those of other languages are passed over."""

    @property
    def name(self) -> str:
        """As FlagCall.languages and the tables call it."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The ends of its files' names, with the dot."""

    def references(self, files: Mapping[str, str], calls: tuple[FlagCall, ...]) -> tuple[Reference, ...]:
        """Each place at which any flag is read, in the order of paths and lines."""

    def remove(self, files: Mapping[str, str], flag: str, value: str, calls: tuple[FlagCall, ...]) -> Removal:
        """The repository as it is where the flag always has this value: "true", "false" or a variant's key."""
