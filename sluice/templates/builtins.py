"""The functions that each Go template has. `and` and `or` are the engine's: they do not look at what they need not."""

from __future__ import annotations

import html as escaping
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from sluice.templates.errors import TemplateError
from sluice.templates.printing import formatted, joined, lined
from sluice.templates.values import MISSING, Missing, Struct, Texts, truth, type_name


def _kind(value: Any) -> str:
    match value:
        case None | Missing():
            return "nil"
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "string"
        case Struct():
            return "struct"
    raise TemplateError("error calling eq: non-comparable type " + type_name(value))


def _eq(first: Any, *others: Any) -> bool:
    if not others:
        raise TemplateError("error calling eq: missing argument for comparison")
    kind = _kind(first)
    for other in others:
        theirs = _kind(other)
        if kind != theirs and "nil" not in (kind, theirs):
            raise TemplateError("error calling eq: incompatible types for comparison")
        if kind == theirs and (kind == "nil" or first == other):
            return True
    return False


def _ne(first: Any, second: Any) -> bool:
    return not _eq(first, second)


def _lt(first: Any, second: Any) -> bool:
    kinds = {_kind(first), _kind(second)}
    if kinds & {"bool", "struct", "nil"}:
        raise TemplateError("error calling lt: invalid type for comparison")
    if len(kinds) > 1:
        raise TemplateError("error calling lt: incompatible types for comparison")
    return bool(first.encode() < second.encode() if isinstance(first, str) else first < second)


def _le(first: Any, second: Any) -> bool:
    return _lt(first, second) or _eq(first, second)


def _gt(first: Any, second: Any) -> bool:
    return not _le(first, second)


def _ge(first: Any, second: Any) -> bool:
    return not _lt(first, second)


def _not(value: Any) -> bool:
    return not truth(value)


def _len(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, Struct | int | float) or value is None or value is MISSING:
        raise TemplateError(f"error calling len: len of type {type_name(value)}")
    return len(value)


def _position(value: Any, length: int, *, end: bool = False) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TemplateError(f"cannot index slice/array with type {type_name(value)}")
    if not 0 <= value < length + end:
        raise TemplateError(f"index out of range: {value}")
    return value


def _index(item: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(item, Mapping):
            item = item.get(key, "" if isinstance(item, Texts) else MISSING)
        elif isinstance(item, str):
            item = item.encode()[_position(key, len(item.encode()))]
        elif isinstance(item, list | tuple | bytes):
            item = item[_position(key, len(item))]
        else:
            kind = "untyped nil" if item is None or item is MISSING else f"item of type {type_name(item)}"
            raise TemplateError(f"error calling index: can't index {kind}")
    return item


def _slice(item: Any, *bounds: Any) -> Any:
    whole = item.encode() if isinstance(item, str) else item
    if not isinstance(whole, list | tuple | bytes):
        raise TemplateError(f"error calling slice: can't slice item of type {type_name(item)}")
    limits = [_position(bound, len(whole), end=True) for bound in bounds]
    start = limits[0] if limits else 0
    end = limits[1] if len(limits) > 1 else len(whole)
    if start > end:
        raise TemplateError(f"error calling slice: invalid slice index: {start} > {end}")
    cut = whole[start:end]
    return cut.decode(errors="replace") if isinstance(item, str) and isinstance(cut, bytes) else cut


def _print(*values: Any) -> str:
    return joined(values)


def _println(*values: Any) -> str:
    return lined(values)


def _printf(form: str, *values: Any) -> str:
    return formatted(form, values)


def _html(*values: Any) -> str:
    return escaping.escape(joined(values)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")


def _js(*values: Any) -> str:
    marks = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
    text = joined(values)
    return "".join(marks.get(one) or (f"\\u{ord(one):04X}" if ord(one) < 32 else one) for one in text)


def _urlquery(*values: Any) -> str:
    return quote_plus(joined(values), safe="")


def _call(function: Any, *values: Any) -> Any:
    if not callable(function):
        raise TemplateError(f"error calling call: non-function of type {type_name(function)}")
    return function(*values)


BUILTINS: Mapping[str, Callable[..., Any]] = {
    "call": _call,
    "eq": _eq,
    "ge": _ge,
    "gt": _gt,
    "html": _html,
    "index": _index,
    "js": _js,
    "le": _le,
    "len": _len,
    "lt": _lt,
    "ne": _ne,
    "not": _not,
    "print": _print,
    "printf": _printf,
    "println": _println,
    "slice": _slice,
    "urlquery": _urlquery,
}
