"""Puts one value into values by a path as `helm --set` writes it: `a.b[0].c`, with `\\` before what is not to be read.

This is helm's own grammar, ported: a user's `targetPath` has to mean what it means to helm.
"""

from __future__ import annotations

from typing import Any

from sluice.errors import InvalidError

Values = dict[str, Any]
DEEPEST, LARGEST_INDEX = 30, 65536
_END = ""


class _Parser:
    """Reads `path=value[,path=value…]` and writes into values as it goes."""

    def __init__(self, text: str, as_text: bool) -> None:
        self._text, self._at, self._as_text = text, 0, as_text

    def run(self, values: Values) -> None:
        while self._at < len(self._text):
            self._key(values, 0)

    def _until(self, stops: str) -> tuple[str, str]:
        """What comes before one of these characters, and that character; empty at the end of the text."""
        found: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            self._at += 1
            if char in stops:
                return "".join(found), char
            if char == "\\" and self._at < len(self._text):
                char = self._text[self._at]
                self._at += 1
            found.append(char)
        return "".join(found), _END

    def _key(self, values: Values, depth: int) -> None:
        key, last = self._until("=[,.")
        if last in {_END, ","}:
            raise InvalidError(f"key {key!r} has no value")
        if last == "[":
            old = values.get(key)
            if key in values and not isinstance(old, list):
                raise InvalidError(f"key {key!r} is no list")
            self._put(values, key, self._item(old if isinstance(old, list) else [], self._index(), depth))
        elif last == "=":
            self._put(values, key, self._value())
        else:
            self._put(values, key, self._inner(values.get(key), depth, key))

    def _inner(self, old: Any, depth: int, key: str) -> Values:
        if depth >= DEEPEST:
            raise InvalidError(f"a path has more than {DEEPEST} levels")
        if old is not None and not isinstance(old, dict):
            raise InvalidError(f"key {key!r} is no map")
        inner: Values = {} if old is None else old
        self._key(inner, depth + 1)
        if not inner:
            raise InvalidError(f"key map {key!r} has no value")
        return inner

    def _index(self) -> int:
        text, last = self._until("]")
        if not last or not text.isdecimal() or int(text) > LARGEST_INDEX:
            raise InvalidError(f"index {text!r} is no number between 0 and {LARGEST_INDEX}")
        return int(text)

    def _item(self, items: list[Any], index: int, depth: int) -> list[Any]:
        key, last = self._until("[.=")
        if key or not last:
            raise InvalidError(f"after an index comes '.', '[' or '=', not {key!r}")
        old = items[index] if index < len(items) else None
        if last == "=":
            new = self._value()
        elif last == "[":
            new = self._item(old if isinstance(old, list) else [], self._index(), depth)
        else:
            new = self._inner(old if isinstance(old, dict) else None, depth, f"[{index}]")
        if index >= len(items):
            items = items + [None] * (index + 1 - len(items))  # another list, as in helm
        items[index] = new
        return items

    def _value(self) -> Any:
        if self._text[self._at : self._at + 1] != "{":
            return self._typed(self._until(",")[0])
        self._at += 1
        items = []
        while True:
            text, last = self._until(",}")
            if not last:
                raise InvalidError("a list ends with '}'")
            items.append(self._typed(text))
            if last == "}":
                if self._text[self._at : self._at + 1] == ",":
                    self._at += 1
                return items

    def _typed(self, text: str) -> Any:
        if self._as_text:
            return text
        plain = {"true": True, "false": False, "null": None, "0": 0}
        if text.lower() in plain:
            return plain[text.lower()]
        digits = text[1:] if text[:1] in {"+", "-"} else text
        if digits.isascii() and digits.isdecimal() and text[0] != "0" and -(2**63) <= int(text) < 2**63:
            return int(text)
        return text

    @staticmethod
    def _put(values: Values, key: str, value: Any) -> None:
        if key:
            values[key] = value


def put_path(values: Values, path: str, value: str, *, literal: bool = False) -> None:
    """Put `value` into the values at `path`, in place.

    Args:
        path: as `helm --set` has it.
        value: read as `--set` reads it (`true`, `8`, `{a,b}`); in quotes it is a text without them.
        literal: the value is a text, whatever is in it.

    Raises:
        InvalidError: the path cannot be read, or leads into what is no map or list. The value is not in the message.
    """
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    if literal:
        text = "".join(f"\\{char}" if char in "\\,[]{}" else char for char in value)
    else:
        text = value.strip("'\"") if quoted else value
    try:
        _Parser(f"{path}={text}", literal or quoted).run(values)
    except InvalidError:
        raise InvalidError(
            f"targetPath {path!r} and its value cannot be put into the values as `helm --set` would"
        ) from None
