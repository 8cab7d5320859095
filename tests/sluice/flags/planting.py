"""Plants flags into real code, line by line with patterns: it shares nothing with what removes them again.

Each plant has a key of its own, and a shape of which the removal has to give back the very text that was there. So the
oracle is the original, and where the text differs the code's own compiler and tests decide.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

SIMPLE_GO = re.compile(r"^(\t+)(\w+\.[\w.]+\([^(){}]*\)|[\w.\[\]]+ (?:=|\+=) [^{}`]+[^{}`,(\s])$")
RETURN_GO = re.compile(r"^(\t+)(return [^{}`]*[^{}`,(\s])$")
IF_GO = re.compile(r"^(\t+)if ((?!.*[;|]).+) \{$")
SIMPLE_TS = re.compile(r"^((?:  )+)(\w+\.[\w.]+\([^(){}`]*\)|[\w.\[\]]+ (?:=|\+=) [^{}`]+[^{}`,(\s\[?=])$")
RETURN_TS = re.compile(r"^((?:  )+)(return [^{}`(?]*[^{}`,(\s\[?=])$")
IF_TS = re.compile(r"^((?:  )+)if \(([^|(){}]+)\) \{$")


@dataclass(frozen=True)
class Shape:
    """One way to put a line under a flag.

    Attributes:
        pattern: the lines that it can be used on.
        value: the flag's value with which the code does what it did.
        planted: the lines that take the line's place (indentation, rest, key).
    """

    name: str
    pattern: re.Pattern[str]
    value: str
    planted: Callable[[str, str, str], str]


def _lines(*parts: str) -> Callable[[str, str, str], str]:
    """Lines with `{i}` for the indentation, `{s}` for what stood there, `KEY` for the key."""
    return lambda i, s, k: "\n".join(i + part.replace("STOOD", s).replace("KEY", k) for part in parts)


ASK = 'planted.Client.Boolean(planted.Ctx, "KEY", false, nil)'
FAIL = '\tpanic("planted")'
GO: tuple[Shape, ...] = (
    Shape("wrapped", SIMPLE_GO, "true", _lines(f"if {ASK} {{", "\tSTOOD", "}")),
    Shape("else", SIMPLE_GO, "false", _lines(f"if {ASK} {{", FAIL, "} else {", "\tSTOOD", "}")),
    Shape("guard", RETURN_GO, "true", _lines(f"if !{ASK} {{", FAIL, "}", "STOOD")),
    Shape("early", RETURN_GO, "true", _lines(f"if {ASK} {{", "\tSTOOD", "}", FAIL[1:])),
    Shape("and", IF_GO, "true", _lines(f"if {ASK} && STOOD {{")),
    Shape("or", IF_GO, "false", _lines(f"if {ASK} || STOOD {{")),
    Shape("variable", IF_GO, "true", _lines(f"isPlanted := {ASK}", "if isPlanted && STOOD {")),
    Shape(
        "error",
        SIMPLE_GO,
        "true",
        _lines(
            f"if isPlanted, err := {ASK.replace('Boolean', 'BooleanValue')}; err == nil && isPlanted {{", "\tSTOOD", "}"
        ),
    ),
)
ASKED = 'plantedFlags.isEnabled("KEY")'
THROW = '  throw new Error("planted")'
TYPESCRIPT: tuple[Shape, ...] = (
    Shape("wrapped", SIMPLE_TS, "true", _lines(f"if ({ASKED}) {{", "  STOOD", "}")),
    Shape("else", SIMPLE_TS, "false", _lines(f"if ({ASKED}) {{", THROW, "} else {", "  STOOD", "}")),
    Shape("guard", RETURN_TS, "true", _lines(f"if (!{ASKED}) {{", THROW, "}", "STOOD")),
    Shape("early", RETURN_TS, "true", _lines(f"if ({ASKED}) {{", "  STOOD", "}", THROW[2:])),
    Shape("and", IF_TS, "true", _lines(f"if ({ASKED} && STOOD) {{")),
    Shape("or", IF_TS, "false", _lines(f"if ({ASKED} || STOOD) {{")),
    Shape("variable", IF_TS, "true", _lines(f"const isPlanted = {ASKED}", "if (isPlanted && STOOD) {")),
)
SIMPLE_PY = re.compile(r"^((?:    )+)(\w[\w.]*\([^(){}\\]*\)|[\w.\[\]]+ \+?= [^\\]+)$")
RETURN_PY = re.compile(r"^((?:    )+)(return [^\\]+)$")
IF_PY = re.compile(r"^((?:    )+)if ((?!.*(?: or | if |lambda|:=)).+):$")
ASKED_PY = 'flags.is_enabled("KEY")'
RAISE = '    raise RuntimeError("planted")'
PYTHON: tuple[Shape, ...] = (
    Shape("wrapped", SIMPLE_PY, "true", _lines(f"if {ASKED_PY}:", "    STOOD")),
    Shape("else", SIMPLE_PY, "false", _lines(f"if {ASKED_PY}:", RAISE, "else:", "    STOOD")),
    Shape("guard", RETURN_PY, "true", _lines(f"if not {ASKED_PY}:", RAISE, "STOOD")),
    Shape("early", RETURN_PY, "true", _lines(f"if {ASKED_PY}:", "    STOOD", RAISE[4:])),
    Shape("and", IF_PY, "true", _lines(f"if {ASKED_PY} and STOOD:")),
    Shape("or", IF_PY, "false", _lines(f"if {ASKED_PY} or STOOD:")),
    Shape("variable", IF_PY, "true", _lines(f"is_planted = {ASKED_PY}", "if is_planted and STOOD:")),
)


@dataclass(frozen=True)
class Plant:
    """A flag that was planted."""

    key: str
    shape: Shape
    path: str


def planted(
    texts: Mapping[str, str],
    shapes: tuple[Shape, ...],
    imported: Callable[[str, str], str],
    number: int,
    seed: int,
    whole: Callable[[str], set[int]] | None = None,
) -> tuple[dict[str, str], list[Plant]]:
    """The texts with at most this many flags, at most one a function-sized stretch, and the flags.

    `imported` brings the flags' name into a text (path, text); `whole` says which lines are a statement for
    themselves, where the language can be asked.
    """
    chance = random.Random(seed)
    places = [
        (path, n) for path, text in texts.items() for n, line in enumerate(text.split("\n")) if _fits(line, shapes)
    ]
    alone: dict[str, set[int]] = {}
    chance.shuffle(places)
    lines = {path: text.split("\n") for path, text in texts.items()}
    taken: dict[str, list[int]] = {}
    plants: list[Plant] = []
    for path, n in places:
        if len(plants) == number:
            break
        line = lines[path][n]
        if any(abs(n - other) < 40 for other in taken.get(path, [])):
            continue
        if whole is not None and path not in alone:
            alone[path] = whole(texts[path])
        if n not in alone[path] if whole is not None else _in_the_middle(lines[path], n):
            continue
        fitting = [(shape, found) for shape in shapes if (found := shape.pattern.match(line))]
        shape, found = chance.choice(fitting)
        key = f"plant-{len(plants)}"
        lines[path][n] = shape.planted(found[1], found[2], key)
        taken.setdefault(path, []).append(n)
        plants.append(Plant(key, shape, path))
    changed = {path: imported(path, "\n".join(lines[path])) for path in taken}
    return changed, plants


def _fits(line: str, shapes: tuple[Shape, ...]) -> bool:
    return any(shape.pattern.match(line) for shape in shapes)


def _in_the_middle(lines: list[str], n: int) -> bool:
    """Whether a line is a part of something longer: a call over several lines, a raw text, a branch without braces."""
    before, after = lines[n - 1].strip(), lines[n + 1].strip() if n + 1 < len(lines) else ""
    if "".join(lines[:n]).count("`") % 2:
        return True
    goes_on = (",", "(", "[", "=", "+", "&&", "||", "=>", "?", ":", ".", "|")
    if before.endswith(goes_on) and not before.startswith(("case ", "default:")):
        return True
    if before.startswith(("//", "if (", "for (")) and not before.endswith(("{", "}", ")")):
        return True
    return after.startswith((".", "&&", "||", "+", "?", ":", ")", "]", "|"))
