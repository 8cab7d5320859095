"""What the operators of `${…}` do to a variable's value: as Flux's envsubst does it, in bytes where it counts bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sluice.errors import InvalidError

Arguments = Sequence[str]
Operator = Callable[[str, Arguments], str]
LARGEST = 16 * 1024**2
"""Most characters that expressions may come to: each replacement within another one multiplies."""
LONGEST = 4096
"""Most characters of a value that patterns are tried on: each beginning is tried once."""


def _default(value: str, arguments: Arguments) -> str:
    return value or "".join(arguments)


def _substring(value: str, arguments: Arguments) -> str:
    numbers = [_number(one) for one in arguments[:2]]
    if None in numbers:
        return value
    raw = value.encode()
    start, *length = (number or 0 for number in numbers)
    start = max(0, len(raw) + start) if start < 0 else start
    end = len(raw)
    if length:
        # A length below zero counts from the end.
        end = len(raw) + length[0] if length[0] < 0 else start + length[0]
    try:
        return raw[start : max(start, end)].decode()
    except UnicodeDecodeError:
        raise InvalidError(
            "a part of a variable is counted in bytes, and this one begins or ends within a letter"
        ) from None


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[-+]?[0-9]{1,18}", text) else None


def _replaced(count: int) -> Operator:
    def replace(value: str, arguments: Arguments) -> str:
        if not arguments:
            return value
        old, new = arguments[0], arguments[1] if len(arguments) > 1 else ""
        if count < 0 and value.count(old) * len(new) > LARGEST:
            raise InvalidError(f"a replacement makes more than {LARGEST // 1024**2} MiB of a variable")
        return value.replace(old, new, count)

    return replace


def _prefix(value: str, arguments: Arguments) -> str:
    if len(arguments) != 2 or not value.startswith(arguments[0]):
        return value
    return arguments[1] + value[len(arguments[0]) :]


def _suffix(value: str, arguments: Arguments) -> str:
    if len(arguments) != 2 or not value.endswith(arguments[0]):
        return value
    return value[: len(value) - len(arguments[0])] + arguments[1]


def _trimmed(*, longest: bool, backwards: bool) -> Operator:
    def trim(value: str, arguments: Arguments) -> str:
        if not arguments:
            return value
        pattern = arguments[0]
        if backwards:
            return _trim(value[::-1], pattern[::-1], longest=longest)[::-1]
        return _trim(value, pattern, longest=longest)

    return trim


def _trim(value: str, pattern: str, *, longest: bool) -> str:
    """Without the longest or shortest beginning that the pattern matches; an empty one does not count."""
    matcher = _compiled(pattern)
    if matcher is None or len(value) > LONGEST:
        return value
    lengths = range(len(value), 0, -1) if longest else range(1, len(value) + 1)
    for length in lengths:
        if matcher(value[:length]):
            return value[length:]
    return value


def _compiled(pattern: str) -> Callable[[str], bool] | None:
    """What a file pattern says of a text: `*` any, `?` a character, `[a-z]` one of these, `\\` the next as it is."""
    tokens: list[Callable[[str], bool] | None] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            if not tokens or tokens[-1] is not None:
                tokens.append(None)
        elif char == "?":
            tokens.append(lambda _: True)
        elif char == "[":
            end = pattern.find("]", at + 2 + pattern.startswith("^", at + 1))
            if end < 0:
                return None
            tokens.append(_class(pattern[at + 1 : end]))
            at = end
        else:
            if char == "\\":
                at += 1
                if at == len(pattern):
                    return None
            tokens.append(pattern[at].__eq__)
        at += 1
    return lambda text: _matches(tokens, text)


def _class(inner: str) -> Callable[[str], bool]:
    negated = inner.startswith("^")
    members = inner[negated:]
    ranges: list[tuple[str, str]] = []
    at = 0
    while at < len(members):
        low = members[at]
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            ranges.append((low, members[at + 2]))
            at += 3
        else:
            ranges.append((low, low))
            at += 1
    return lambda char: any(low <= char <= high for low, high in ranges) is not negated


def _matches(tokens: Sequence[Callable[[str], bool] | None], text: str) -> bool:
    """In steps of pattern times text at most: a star that was tried is left behind by the next one."""
    token = at = 0
    star = resumed = -1
    while at < len(text):
        wanted = tokens[token] if token < len(tokens) else None
        if wanted is None and token < len(tokens):
            star, resumed = token, at
            token += 1
        elif wanted is not None and wanted(text[at]):
            token, at = token + 1, at + 1
        elif star >= 0:
            resumed += 1
            token, at = star + 1, resumed
        else:
            return False
    return all(one is None for one in tokens[token:])


OPERATORS: Mapping[str, Operator] = {
    "": lambda value, _: value,
    "length": lambda value, _: str(len(value.encode())),
    **dict.fromkeys(("=", ":=", ":-", ":?", ":+"), _default),
    ",": lambda value, _: value[:1].lower() + value[1:],
    ",,": lambda value, _: value.lower(),
    "^": lambda value, _: value[:1].upper() + value[1:],
    "^^": lambda value, _: value.upper(),
    ":": _substring,
    "/": _replaced(1),
    "//": _replaced(-1),
    "/#": _prefix,
    "/%": _suffix,
    "#": _trimmed(longest=False, backwards=False),
    "##": _trimmed(longest=True, backwards=False),
    "%": _trimmed(longest=False, backwards=True),
    "%%": _trimmed(longest=True, backwards=True),
}
TOLERANT = frozenset({"=", ":=", ":-", ":?", ":+"})
"""Operators that have an answer where the variable is not set."""
