"""Programs with flags, and what they are without: one file a case, in the form of Go's txtar archives.

    flag: new-checkout
    on: true
    off: false
    -- guard/case.go --
    the program
    -- on: guard/case.go --
    what has to come of it where the flag is on
    -- off: guard/case.go --
    … and where it is off
    -- on: left --
    the places that stay, with their reasons

`python -m tests.sluice.flags.corpus go` writes the expectations from what the remover does now: read each of them
before you commit it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.flags.calls import BOOLEAN, VARIANT, Argument, FlagCall
from sluice.flags.languages.base import Language, Removal

FOLDER = Path(__file__).parent
SECTION = re.compile(r"^-- (.+) --\n", re.MULTILINE)
SIDES = ("on", "off")
ALL = frozenset({"go", "typescript", "java"})
CALLS = (
    FlagCall("client.Boolean", frozenset({"go"}), key=Argument(1)),
    FlagCall("client.BooleanValue", frozenset({"go"}), key=Argument(1)),
    FlagCall("client.String", frozenset({"go"}), kind=VARIANT, key=Argument(1)),
    FlagCall("client.getBooleanValue", frozenset({"java"})),
    FlagCall("client.getStringValue", frozenset({"java"}), kind=VARIANT),
    FlagCall("client.getBooleanDetails", frozenset({"java"}), result="value"),
    FlagCall("client.getBooleanValue", frozenset({"typescript"}), asynchronous=True),
    FlagCall("client.getStringValue", frozenset({"typescript"}), kind=VARIANT, asynchronous=True),
    FlagCall("client.isEnabled", frozenset({"typescript"})),
    FlagCall("client.variant", frozenset({"typescript"}), kind=VARIANT),
    FlagCall("client.evaluateBoolean", frozenset({"typescript"}), key=Argument(None, "flagKey"), result="enabled"),
    FlagCall("useFlags", frozenset({"typescript"}), members=True),
    FlagCall("useFlags", frozenset({"typescript"}), kind=VARIANT, members=True),
)
assert {call.kind for call in CALLS} == {BOOLEAN, VARIANT}


@dataclass(frozen=True)
class Case:
    """One program and what is expected of it."""

    name: str
    file: Path
    flag: str
    values: Mapping[str, str]
    """The flag's value by side: on, off."""
    texts: Mapping[str, str]
    expected: Mapping[str, Mapping[str, str]]
    left: Mapping[str, tuple[str, ...]]

    def removed(self, language: Language, side: str) -> Removal:
        """What the remover does with it."""
        return language.remove(self.texts, self.flag, self.values[side], CALLS)

    def after(self, removal: Removal) -> dict[str, str]:
        """Every text as it is then."""
        merged = {**self.texts, **removal.texts}
        return {path: text for path, text in merged.items() if text is not None}


def case_of(file: Path) -> Case:
    """Read one file."""
    head, *parts = SECTION.split(file.read_text())
    facts = dict(line.split(": ", 1) for line in head.splitlines())
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    texts = {name: text for name, text in sections.items() if not name.startswith(("on: ", "off: "))}
    sides = {side: _side(sections, side) for side in SIDES}
    left = {side: tuple(sides[side].pop("left", "").splitlines()) for side in SIDES}
    values = {side: facts[side] for side in SIDES}
    return Case(file.stem, file, facts["flag"], values, texts, sides, left)


def _side(sections: Mapping[str, str], side: str) -> dict[str, str]:
    return {name.removeprefix(f"{side}: "): text for name, text in sections.items() if name.startswith(f"{side}: ")}


def cases(language: str) -> list[Case]:
    """All cases of a language."""
    return [case_of(file) for file in sorted((FOLDER / language).glob("*.txtar"))]


def written(case: Case, language: Language) -> str:
    """The file with the expectations that the remover fulfils now."""
    facts = [f"flag: {case.flag}", *(f"{side}: {case.values[side]}" for side in SIDES)]
    parts = ["\n".join(facts) + "\n"]
    parts += [f"-- {path} --\n{text}" for path, text in case.texts.items()]
    for side in SIDES:
        removal = case.removed(language, side)
        parts += [f"-- {side}: {path} --\n{text if text is not None else ''}" for path, text in removal.texts.items()]
        if removal.left:
            parts.append(f"-- {side}: left --\n" + "".join(f"{one}\n" for one in removal.left))
    return "".join(parts)
