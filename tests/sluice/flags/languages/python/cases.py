"""The corpus of flagged programs in Python: one text file a case; see README.md in this folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.flags.calls import FlagCall
from sluice.flags.languages.base import Removal
from sluice.flags.languages.table import LANGUAGES
from sluice.flags.sdks import ALL

PROGRAMS = Path(__file__).parent / "corpus"
CHECK = "check"
"""A file whose name (without its end) is this one belongs to the corpus, not to the program: it prints what that does."""
DELETED = "(deleted)\n"
_SECTION = re.compile(r"^-- (.+?) --\n", re.MULTILINE)
_AFTER = re.compile(r"after ([^/\s]+)/(.+)")


@dataclass(frozen=True)
class Case:
    """One program.

    Attributes:
        name: of its file, without the end.
        flag: the key.
        values: what the flag is removed with, one after the other.
        whole: the values with which nothing is left.
        left: what the reason says where something is.
        files: the program, with its own tests: what the remover is given.
        checks: what is run before and after, and is not given to the remover.
        after: by value, the texts that must come out, of the files that change.
    """

    name: str
    flag: str
    values: tuple[str, ...]
    whole: frozenset[str]
    left: str
    files: Mapping[str, str]
    checks: Mapping[str, str]
    after: Mapping[str, Mapping[str, str | None]]

    def removal(self, value: str, calls: tuple[FlagCall, ...] = ALL) -> Removal:
        """What the language's remover makes of it."""
        return LANGUAGES["python"].remove(self.files, self.flag, value, calls)

    def tree(self, removal: Removal | None = None) -> dict[str, str]:
        """The program with its checks, as it is or after a removal."""
        texts = dict(self.files)
        for path, text in removal.texts.items() if removal else ():
            if text is None:
                del texts[path]
            else:
                texts[path] = text
        return {**texts, **self.checks}

    def other(self, value: str) -> str:
        """Another value of the flag: what a program that no longer knows it must not heed."""
        return next((one for one in self.values if one != value), "another")


def read(path: Path) -> Case:
    """A case from its file."""
    head, *rest = _SECTION.split(path.read_text())
    said = dict(re.findall(r"^(\w+): *(.*)$", head, re.MULTILINE))
    values = tuple(said.get("values", "true false").split())
    files: dict[str, str] = {}
    checks: dict[str, str] = {}
    after: dict[str, dict[str, str | None]] = {value: {} for value in values}
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        golden = _AFTER.fullmatch(name)
        shaped = _shaped(text, said.get("bytes", ""))
        if golden:
            after[golden[1]][golden[2]] = shaped if text != DELETED else None
        else:
            (checks if Path(name).stem == CHECK else files)[name] = shaped
    whole = frozenset(said.get("whole", " ".join(values)).split())
    return Case(path.stem, said["flag"], values, whole, said.get("left", ""), files, checks, after)


def _shaped(text: str, how: str) -> str:
    """A text with line ends and marks that an editor would not keep in a corpus."""
    if "crlf" in how:
        text = text.replace("\n", "\r\n")
    if "no end" in how:
        text = text.rstrip("\r\n")
    return "\ufeff" + text if "mark" in how else text


def cases() -> list[Case]:
    """All cases, in the order of their names."""
    return [read(path) for path in sorted(PROGRAMS.glob("*.txt"))]


def write_after(path: Path) -> None:
    """What comes out now, written into a case for a person to read and to agree with."""
    case = read(path)
    text = path.read_text()
    first = re.search(r"^-- after ", text, re.MULTILINE)
    text = text[: first.start()] if first else text
    for value in case.values:
        for name, new in sorted(case.removal(value).texts.items()):
            plain = (DELETED if new is None else new).removeprefix("\ufeff").replace("\r\n", "\n")
            text += f"-- after {value}/{name} --\n{plain}" + ("" if plain.endswith("\n") or not plain else "\n")
    path.write_text(text)


if __name__ == "__main__":
    for one in sys.argv[1:]:
        write_after(Path(one).resolve())
