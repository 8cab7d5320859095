"""Functions on texts."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from sluice.templates.printing import plain, quoted
from sluice.templates.values import MISSING, truth

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LONGEST = 1 << 20
"""Characters that `repeat` may make."""


def strval(value: Any) -> str:
    """A value as sprig makes a text of it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "<nil>" if value is MISSING else plain(value, inside=True)


def listed(value: Any) -> list[Any]:
    """A value as a list: what is none is a list of itself, and nothing is an empty one."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None or value is MISSING else [value]


def _abbrev(width: int, text: str) -> str:
    return text if width < 4 or len(text) <= width else text[: width - 3] + "..."


def _trunc(count: int, text: str) -> str:
    if count < 0:
        return text[count:] if len(text) + count > 0 else text
    return text[:count]


def _substr(start: int, end: int, text: str) -> str:
    if start < 0:
        return text[:end] if end >= 0 else text[: len(text) + end]
    return text[start:] if end < 0 or end > len(text) else text[start:end]


def _title(text: str) -> str:
    return re.sub(r"(?:(?<=[^\w])|^)[^\W\d_]", lambda found: found[0].upper(), text)


def _untitle(text: str) -> str:
    return re.sub(r"(?:(?<=[^\w])|^)[^\W\d_]", lambda found: found[0].lower(), text)


def _repeat(count: int, text: str) -> str:
    if count < 0:
        raise ValueError("strings: negative Repeat count")
    if count * len(text) > _LONGEST:
        raise ValueError("the text would be too long")
    return text * count


def _trim_all(cut: str, text: str) -> str:
    return text.strip(cut) if cut else text


def _trim_prefix(prefix: str, text: str) -> str:
    return text.removeprefix(prefix)


def _trim_suffix(suffix: str, text: str) -> str:
    return text.removesuffix(suffix)


def _trim(text: str) -> str:
    return text.strip()


def _upper(text: str) -> str:
    return text.upper()


def _lower(text: str) -> str:
    return text.lower()


def _nospace(text: str) -> str:
    return "".join(text.split())


def _initials(text: str) -> str:
    return "".join(word[0] for word in text.split())


def _contains(part: str, text: str) -> bool:
    return part in text


def _has_prefix(prefix: str, text: str) -> bool:
    return text.startswith(prefix)


def _has_suffix(suffix: str, text: str) -> bool:
    return text.endswith(suffix)


def _replace(old: str, new: str, text: str) -> str:
    return text.replace(old, new)


def _quote(*values: Any) -> str:
    return " ".join(quoted(strval(one)) for one in values if one is not None)


def _squote(*values: Any) -> str:
    return " ".join(f"'{plain(one, inside=True)}'" for one in values if one is not None)


def _cat(*values: Any) -> str:
    return " ".join(plain(one, inside=True) for one in values if one is not None)


def _indent(count: int, text: str) -> str:
    pad = _repeat(count, " ")
    return pad + text.replace("\n", "\n" + pad)


def _nindent(count: int, text: str) -> str:
    return "\n" + _indent(count, text)


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def _join(separator: str, value: Any) -> str:
    return separator.join(strval(one) for one in listed(value) if one is not None)


def _split_list(separator: str, text: str) -> list[str]:
    return text.split(separator) if separator else list(text)


def _split(separator: str, text: str) -> dict[str, str]:
    return {f"_{index}": part for index, part in enumerate(_split_list(separator, text))}


def _splitn(separator: str, count: int, text: str) -> dict[str, str]:
    pieces = text.split(separator, count - 1) if count > 0 else []
    return {f"_{index}": part for index, part in enumerate(pieces)}


def _sort_alpha(value: Any) -> list[str]:
    return sorted((strval(one) for one in listed(value)), key=str.encode)


def _strings(value: Any) -> list[str]:
    return [strval(one) for one in listed(value) if one is not None]


def _wrap(width: int, text: str) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _swapcase(text: str) -> str:
    return text.swapcase()


def _snakecase(text: str) -> str:
    return "_".join(word.lower() for word in _WORDS.findall(text))


def _kebabcase(text: str) -> str:
    return "-".join(word.lower() for word in _WORDS.findall(text))


def _camelcase(text: str) -> str:
    return "".join(word[:1].upper() + word[1:].lower() for word in _WORDS.findall(text))


def _string(value: Any) -> str:
    return strval(value)


def _ternary(yes: Any, no: Any, value: bool) -> Any:
    return yes if value else no


def _default(fallback: Any, *given: Any) -> Any:
    return given[0] if given and truth(given[0]) else fallback


def _coalesce(*values: Any) -> Any:
    return next((one for one in values if truth(one)), None)


def _empty(value: Any) -> bool:
    return not truth(value)


def _all(*values: Any) -> bool:
    return all(truth(one) for one in values)


def _any(*values: Any) -> bool:
    return any(truth(one) for one in values)


TEXTS: Mapping[str, Callable[..., Any]] = {
    "abbrev": _abbrev,
    "all": _all,
    "any": _any,
    "camelcase": _camelcase,
    "cat": _cat,
    "coalesce": _coalesce,
    "contains": _contains,
    "default": _default,
    "empty": _empty,
    "hasPrefix": _has_prefix,
    "hasSuffix": _has_suffix,
    "indent": _indent,
    "initials": _initials,
    "join": _join,
    "kebabcase": _kebabcase,
    "lower": _lower,
    "nindent": _nindent,
    "nospace": _nospace,
    "plural": _plural,
    "quote": _quote,
    "repeat": _repeat,
    "replace": _replace,
    "snakecase": _snakecase,
    "sortAlpha": _sort_alpha,
    "split": _split,
    "splitList": _split_list,
    "splitn": _splitn,
    "squote": _squote,
    "substr": _substr,
    "swapcase": _swapcase,
    "ternary": _ternary,
    "title": _title,
    "toString": _string,
    "toStrings": _strings,
    "trim": _trim,
    "trimAll": _trim_all,
    "trimPrefix": _trim_prefix,
    "trimSuffix": _trim_suffix,
    "trimall": _trim_all,
    "trunc": _trunc,
    "untitle": _untitle,
    "upper": _upper,
    "wrap": _wrap,
}
