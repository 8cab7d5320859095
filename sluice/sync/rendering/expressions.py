"""Expressions `${…}` as bash has them, in the dialect of Flux (a fork of drone/envsubst): a port, with its ways.

| expression | is |
|---|---|
| `${a}` | the variable |
| `${#a}` | its length, in bytes |
| `${a:=b}` `${a:-b}` `${a=b}`, and in Flux also `${a:?b}` `${a:+b}` | `b` where the variable is empty |
| `${a^}` `${a^^}` `${a,}` `${a,,}` | the first letter, or all, in upper or lower case |
| `${a:2}` `${a:2:3}` | from the third byte on, three of them |
| `${a#p}` `${a##p}` `${a%p}` `${a%%p}` | without what the pattern `p` matches at its beginning or end |
| `${a/b/c}` `${a//b/c}` `${a/#b/c}` `${a/%b/c}` | `c` in place of `b`: the first, each, at the beginning, at the end |

`$$` is a `$`; a `$` that no brace follows is one too. What stands after an operator may have expressions in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sluice.errors import InvalidError
from sluice.sync.rendering.operators import LARGEST, OPERATORS, TOLERANT

DEPTH = 50
"""Most expressions within each other."""
BAD = "bad substitution"
Accept = Callable[[str, int], bool]


@dataclass(slots=True)
class _Expression:
    """One expression: operator, variable and what stands after the operator."""

    variable: str
    operator: str = ""
    arguments: list[str | _Expression] = field(default_factory=list)


def expanded(text: str, variables: Mapping[str, str], *, strict: bool = False) -> str:
    """The text with each expression in it replaced.

    Args:
        text: with expressions.
        variables: by name.
        strict: refuse a variable that is not there, where the operator has no answer to that.

    Raises:
        InvalidError: an expression is wrong, or a variable is missing; the message names it and no value.
    """
    whole: list[str] = []
    room = LARGEST
    for part in _Parser(text).text():
        whole.append(_value(part, variables, strict=strict))
        room -= len(whole[-1])
        if room < 0:
            raise InvalidError(f"more than {LARGEST // 1024**2} MiB come of its expressions: take it apart")
    return "".join(whole)


def _value(part: str | _Expression, variables: Mapping[str, str], *, strict: bool) -> str:
    if isinstance(part, str):
        return part
    arguments = [_value(one, variables, strict=strict) for one in part.arguments]
    if strict and part.variable not in variables and part.operator not in TOLERANT:
        raise InvalidError(
            f"variable {part.variable!r} is not set, and strict substitution is on: set it, or a default"
        )
    operator = "length" if part.operator == "#" and not arguments else part.operator
    return OPERATORS.get(operator, OPERATORS["="])(variables.get(part.variable, ""), arguments)


class _Parser:
    """Reads a text once, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def text(self) -> list[str | _Expression]:
        """The whole text: plain parts and expressions."""
        parts: list[str | _Expression] = []
        while self._at < len(self._text):
            if self._opens():
                parts.append(self._expression())
            else:
                parts.append(self._run(lambda char, count: True, escapes="$"))
        return parts

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _opens(self) -> bool:
        if self._text.startswith("${", self._at):
            self._at += 2
            return True
        return False

    def _run(self, accept: Accept, *, escapes: str = "", nested: bool = True) -> str:
        """What is accepted from here on, up to an expression; `escapes` are the characters that a doubled one stands for."""
        out: list[str] = []
        count = 0
        while char := self._peek():
            if nested and self._text.startswith("${", self._at) and count:
                break
            follows = self._text[self._at + 1 : self._at + 2]
            if ("$" in escapes and char == follows == "$") or (
                "\\" in escapes and char == "\\" and follows in {"/", "\\"}
            ):
                # The first of the two goes; the second is text, whatever follows it.
                self._at += 1
                char = follows
            elif not accept(char, count + 1):
                break
            out.append(char)
            self._at += 1
            count += 1
        return "".join(out)

    def _expression(self) -> _Expression:
        self._depth += 1
        if self._depth > DEPTH:
            raise InvalidError(f"more than {DEPTH} expressions within each other")
        found = self._length() if self._peek() == "#" else self._operation()
        self._depth -= 1
        return found

    def _length(self) -> _Expression:
        self._at += 1
        found = _Expression(self._variable(), "#")
        return self._closed(found)

    def _variable(self) -> str:
        name = self._run(lambda char, count: char.isalpha() or char.isdecimal() or char == "_", nested=False)
        if not name:
            raise InvalidError(f"{BAD}: after '${{' comes a variable's name")
        return name

    def _operation(self) -> _Expression:
        found = _Expression(self._variable())
        match self._peek():
            case ":" if self._text[self._at + 1 : self._at + 2] in {"=", "-", "?", "+"}:
                return self._default(found, 2)
            case ":":
                return self._substring(found)
            case "=":
                return self._default(found, 1)
            case "," | "^":
                found.operator = self._run(lambda char, count: char in ",^" and count < 3, nested=False)
            case "#" | "%" as sign:
                found.operator = self._run(lambda char, count: char == sign and count < 3, nested=False)
                found.arguments.append(self._argument("}"))
            case "/":
                return self._replacement(found)
        return self._closed(found)

    def _default(self, found: _Expression, length: int) -> _Expression:
        found.operator = self._text[self._at : self._at + length]
        self._at += length
        while self._peek() and self._peek() != "}":
            found.arguments.append(self._argument("}"))
        return self._closed(found)

    def _substring(self, found: _Expression) -> _Expression:
        found.operator = ":"
        self._at += 1
        found.arguments.append(self._argument(":}"))
        if self._run(lambda char, count: char == ":", nested=False):
            found.arguments.append(self._argument("}"))
        return self._closed(found)

    def _replacement(self, found: _Expression) -> _Expression:
        second = self._text[self._at + 1 : self._at + 2]
        found.operator = f"/{second}" if second in {"/", "#", "%"} else "/"
        self._at += len(found.operator)
        found.arguments.append(self._argument("/", escapes="$\\"))
        if not self._run(lambda char, count: char == "/", nested=False):
            raise InvalidError(f"{BAD} of {found.variable!r}: a '/' is missing before what is to be put in")
        if self._peek() != "}":
            found.arguments.append(self._argument("}", escapes="$\\"))
        return self._closed(found)

    def _argument(self, ends: str, *, escapes: str = "") -> str | _Expression:
        if self._opens():
            return self._expression()
        text = self._run(lambda char, count: char not in ends, escapes=escapes)
        if not text:
            raise InvalidError(f"{BAD}: something is missing after an operator")
        return text

    def _closed(self, found: _Expression) -> _Expression:
        if self._peek() != "}":
            raise InvalidError(f"{BAD} of {found.variable!r}: the closing '}}' is missing, or something is before it")
        self._at += 1
        return found
