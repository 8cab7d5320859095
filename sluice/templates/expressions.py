"""Reads what stands between the braces: pipelines, commands, operands."""

from __future__ import annotations

import re
from collections.abc import Container

from sluice.templates.errors import TemplateError
from sluice.templates.lexer import Action, Token
from sluice.templates.nodes import Chain, Constant, Dot, Field, Function, Nil, Operand, Pipe, Variable

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_SHORT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
MOST_DEPTH = 100
"""How deep parentheses may stand in each other."""


class Words:
    """The words of one action, taken one after the other."""

    def __init__(self, action: Action, functions: Container[str]) -> None:
        self._tokens, self.at = action.tokens, 0
        self.line, self.functions, self.deep = action.line, functions, 0

    @property
    def ended(self) -> bool:
        """Whether nothing but white space is left."""
        return self.peek() is None

    def peek(self, *, spaces: bool = False) -> Token | None:
        """The next word, which stays."""
        at = self.at
        while not spaces and at < len(self._tokens) and self._tokens[at].kind == "space":
            at += 1
        return self._tokens[at] if at < len(self._tokens) else None

    def take(self) -> Token:
        """The next word."""
        found = self.peek()
        if found is None:
            raise self.wrong("something is missing")
        while self._tokens[self.at].kind == "space":
            self.at += 1
        self.at += 1
        return found

    def next_is(self, *texts: str) -> bool:
        """Whether the next word is one of these, and no string."""
        found = self.peek()
        return found is not None and found.kind in ("word", "sign", "declare") and found.text in texts

    def must_end(self) -> None:
        """Raise TemplateError where something is left."""
        found = self.peek()
        if found is not None:
            raise self.wrong(f"unexpected {found.text!r}")

    def wrong(self, why: str) -> TemplateError:
        """The error that names the line."""
        return TemplateError(f"line {self.line}: {why}")


def pipeline(words: Words, known: list[str], *, ranges: bool = False) -> Pipe:
    """A pipeline with the variables that it sets.

    Args:
        words: of the action; what follows a closing parenthesis is left.
        known: the variables that may be used.
        ranges: whether two variables may be set.
    """
    declared, assigns = _declared(words, known, ranges=ranges)
    commands = [_command(words, known)]
    while words.next_is("|"):
        words.take()
        commands.append(_command(words, known))
    for later in commands[1:]:
        if isinstance(later[0], Constant | Dot | Nil):
            raise words.wrong("what follows a | must be a function or a method")
    return Pipe(tuple(commands), declared, assigns)


def unquoted(token: Token) -> str:
    """The text of a string.

    Raises:
        TemplateError: it is none.
    """
    if token.kind == "raw":
        return token.text[1:-1].replace("\r", "")
    if token.kind != "string":
        raise TemplateError(f"expected a quoted name, found {token.text!r}")
    return _unescaped(token.text[1:-1])


def _unescaped(text: str) -> str:
    def meaning(found: re.Match[str]) -> str:
        body = found[0][1:]
        if body[0] in "xuU":
            return chr(int(body[1:], 16)) if len(body) > 1 else _refuse(found[0])
        if len(body) == 3 and body.isdigit():
            return chr(int(body, 8))
        return _SHORT.get(body) or _refuse(found[0])

    return _ESCAPE.sub(meaning, text)


def _refuse(escape: str) -> str:
    raise TemplateError(f"{escape!r} is no escape sequence")


def _declared(words: Words, known: list[str], *, ranges: bool) -> tuple[tuple[str, ...], bool]:
    """The variables before a `:=` or `=`, and whether they are only given another value."""
    start, names = words.at, []
    while (found := words.peek()) is not None and found.kind == "variable":
        names.append(words.take().text)
        if words.next_is(":=", "="):
            assigns = words.take().text == "="
            if assigns and any(name not in known for name in names):
                raise words.wrong(f"undefined variable {names[-1]}")
            return tuple(names), assigns
        if not (ranges and len(names) == 1 and words.next_is(",")):
            break
        words.take()
    words.at = start
    return (), False


def _command(words: Words, known: list[str]) -> tuple[Operand, ...]:
    operands: list[Operand] = []
    while not words.ended and not words.next_is("|", ")"):
        before = words.peek(spaces=True)
        if operands and before is not None and before.kind != "space":
            raise words.wrong(f"unexpected {before.text!r}: white space is missing before it")
        operands.append(_operand(words, known))
    if not operands:
        raise words.wrong("missing value for a command")
    return tuple(operands)


def _operand(words: Words, known: list[str]) -> Operand:
    token = words.take()
    one = _plain(token, words, known)
    names: list[str] = []
    while (after := words.peek(spaces=True)) is not None and after.kind == "field":
        names.append(words.take().text[1:])
    if not names:
        return one
    match one:
        case Field(first):
            return Field((*first, *names))
        case Variable(name, first):
            return Variable(name, (*first, *names))
        case Pipe():
            return Chain(one, tuple(names))
        case Function():
            return Chain(Pipe(((one,),)), tuple(names))
    raise words.wrong(f"unexpected .{names[0]} behind {token.text!r}")


def _plain(token: Token, words: Words, known: list[str]) -> Operand:
    match token.kind:
        case "dot":
            return Dot()
        case "field":
            return Field((token.text[1:],))
        case "variable":
            if token.text not in known:
                raise words.wrong(f"undefined variable {token.text}")
            return Variable(token.text)
        case "string" | "raw":
            return Constant(unquoted(token))
        case "char":
            return Constant(_char(token.text, words))
        case "number":
            return Constant(_number(token.text, words))
        case "word":
            return _word(token.text, words)
    if token.text != "(":
        raise words.wrong(f"unexpected {token.text!r}")
    words.deep += 1
    if words.deep > MOST_DEPTH:
        raise words.wrong("parentheses stand too deep in each other")
    inner = pipeline(words, list(known))
    words.deep -= 1
    if not words.next_is(")"):
        raise words.wrong("a ( without its )")
    words.take()
    return inner


def _word(text: str, words: Words) -> Operand:
    if text in ("true", "false"):
        return Constant(text == "true")
    if text == "nil":
        return Nil()
    if text not in words.functions:
        raise words.wrong(f"function {text!r} not defined")
    return Function(text)


def _char(text: str, words: Words) -> int:
    meant = _unescaped(text[1:-1])
    if len(meant) != 1:
        raise words.wrong(f"malformed character constant {text}")
    return ord(meant)


def _number(text: str, words: Words) -> int | float:
    plain = text.lower().replace("_", "")
    try:
        if plain.lstrip("+-").startswith(("0x", "0b", "0o")):
            return int(plain, 0)
        if plain.lstrip("+-").isdigit():
            digits = plain.lstrip("+-")
            return int(plain, 8) if digits.startswith("0") and len(digits) > 1 else int(plain)
        # A constant that is a whole number may be used as one, as in Go: 1e3.
        number = float(plain)
    except ValueError as error:
        raise words.wrong(f"bad number syntax {text!r}") from error
    return number
