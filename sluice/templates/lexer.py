"""Cuts a template into texts and actions, and an action into its words, as Go's text/template/parse does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sluice.templates.errors import TemplateError

_SPACE = " \t\r\n"
_COMMENT = re.compile(r"\{\{(-[ \t\r\n]+)?/\*.*?\*/([ \t\r\n]+-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    | (?P<string>"(?:[^"\\\n]|\\.)*")
    | (?P<raw>`[^`]*`)
    | (?P<char>'(?:[^'\\\n]|\\.)+')
    | (?P<number>[+-]?(?:
        0[xX][0-9a-fA-F_]+ | 0[bB][01_]+ | 0[oO][0-7_]+
        | \d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)?
      ))
    | (?P<variable>\$\w*)
    | (?P<field>\.[^\W\d]\w*)
    | (?P<dot>\.)
    | (?P<declare>:=)
    | (?P<sign>[=|(),])
    | (?P<word>[^\W\d]\w*)
    """,
    re.VERBOSE,
)
_ENDS = " \t\r\n.,|:)(="


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an action.

    Attributes:
        kind: the name of its group in the grammar above.
        text: as it is written.
    """

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """What stands between `{{` and `}}`; `line` counts from 1."""

    tokens: tuple[Token, ...]
    line: int


Part = str | Action


def parts(template: str) -> Iterator[Part]:
    """The template's texts and actions in order, with the white space gone that `{{-` and `-}}` trim.

    Raises:
        TemplateError: an action has no end, or something in it is no word.
    """
    at, trim = 0, False
    while True:
        start = template.find("{{", at)
        text = template[at:] if start < 0 else template[at:start]
        if trim:
            text = text.lstrip(_SPACE)
        if start < 0:
            yield text
            return
        line = template.count("\n", 0, start) + 1
        left = template[start + 2 : start + 3] == "-" and template[start + 3 : start + 4] in tuple(_SPACE)
        yield text.rstrip(_SPACE) if left else text
        comment = _COMMENT.match(template, start)
        if comment:
            at, trim = comment.end(), bool(comment[2])
            continue
        tokens, at, trim = _action(template, start + (4 if left else 2), line)
        yield Action(tokens, line)


def _action(template: str, at: int, line: int) -> tuple[tuple[Token, ...], int, bool]:
    """The words of an action that begins here, where the text goes on, and whether that is trimmed."""
    found: list[Token] = []
    while True:
        if template.startswith("}}", at):
            return tuple(found), at + 2, False
        if template.startswith("-}}", at) and at and template[at - 1] in _SPACE:
            return tuple(found), at + 3, True
        if template.startswith("/*", at):
            raise TemplateError(f"line {line}: a comment must stand alone between the braces")
        match = _TOKEN.match(template, at)
        if not match:
            rest = template[at : at + 1]
            raise TemplateError(f"line {line}: " + (f"unexpected {rest!r}" if rest else "an action without an end"))
        kind, at = match.lastgroup or "", match.end()
        after = template[at : at + 1]
        if kind in ("word", "field", "variable", "number") and not (
            after in tuple(_ENDS) or template.startswith("}}", at) or template.startswith("-}}", at)
        ):
            raise TemplateError(f"line {line}: unexpected {after!r} behind {match[0]!r}")
        found.append(Token(kind, match[0]))
