"""How Go prints values: `%v`, the verbs of printf, and how print and println set their spaces."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sluice.templates.values import Missing, Struct, ordered, type_name

_VERB = re.compile(r"%(?P<flags>[-+# 0]*)(?P<width>\*|\d+)?(?:\.(?P<precision>\*|\d+)?)?(?P<verb>.)?", re.DOTALL)


def plain(value: Any, *, inside: bool = False, plus: bool = False) -> str:
    """A value as `%v` writes it; `inside` a list, a map or a struct, and with the names of fields for `%+v`."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case float():
            return shortest(value)
        case None | Missing():
            return "<nil>" if inside else "<no value>"
        case Struct():
            if value.string is not None:
                return value.string
            shown = [
                (f"{name}:" if plus else "") + plain(one, inside=True, plus=plus) for name, one in value.fields.items()
            ]
            return "{" + " ".join(shown) + "}"
        case Mapping():
            pairs = (f"{plain(key, inside=True)}:{plain(value[key], inside=True, plus=plus)}" for key in ordered(value))
            return "map[" + " ".join(pairs) + "]"
    return "[" + " ".join(plain(one, inside=True, plus=plus) for one in value) + "]"


def shortest(number: float, *, low: int = -4, high: int = 6) -> str:
    """A float in the fewest digits that mean it; with an exponent where it is very large or very small."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - neither infinite nor no number
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + exponent
    minus = "-" if sign else ""
    if number == 0:
        return f"{minus}0"
    if not low <= point - 1 < high:
        rest = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{rest}e{'-' if point < 1 else '+'}{abs(point - 1):02d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    whole = text[:point].ljust(point, "0")
    return f"{minus}{whole}" + (f".{text[point:]}" if text[point:] else "")


def joined(values: Sequence[Any]) -> str:
    """As print writes them: a space between two values of which neither is a text."""
    out = ""
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            out += " "
        out += plain(value, inside=True)
    return out


def lined(values: Sequence[Any]) -> str:
    """As println writes them."""
    return " ".join(plain(value, inside=True) for value in values) + "\n"


def formatted(form: str, values: Sequence[Any]) -> str:
    """As printf writes them; a verb that does not fit its value says so in the text, as in Go."""
    left = list(values)
    used = 0

    def number(text: str | None) -> int | None:
        nonlocal used
        if text != "*":
            return int(text) if text else None
        used += 1
        return left[used - 1] if used <= len(left) and isinstance(left[used - 1], int) else None

    def one(found: re.Match[str]) -> str:
        nonlocal used
        verb = found["verb"]
        if verb is None:
            return "%!(NOVERB)"
        if verb == "%":
            return "%"
        width, precision = number(found["width"]), number(found["precision"])
        if "." in found[0] and precision is None and found["precision"] is None:
            precision = 0
        if used >= len(left):
            return f"%!{verb}(MISSING)"
        used += 1
        return _verb(verb, left[used - 1], found["flags"], width, precision)

    out = _VERB.sub(one, form)
    if used < len(left):
        rest = ", ".join("<nil>" if v is None else f"{type_name(v)}={plain(v, inside=True)}" for v in left[used:])
        out += f"%!(EXTRA {rest})"
    return out


def _verb(verb: str, value: Any, flags: str, width: int | None, precision: int | None) -> str:
    if isinstance(value, list | tuple) and verb in "sqdxXfeEgGtob":
        each = ("<nil>" if one is None else _verb(verb, one, flags, width, precision) for one in value)
        return "[" + " ".join(each) + "]"
    text = _converted(verb, value, flags, precision)
    if text is None:
        shown = "<nil>" if value is None else f"{type_name(value)}={plain(value, inside=True)}"
        return f"%!{verb}({shown})"
    if width is None:
        return text
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and not isinstance(value, str):
        sign = text[0] if text[:1] in ("+", "-") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width, "0" if "0" in flags else " ")


def _converted(verb: str, value: Any, flags: str, precision: int | None) -> str | None:
    if verb == "v":
        return quoted(value) if "#" in flags and isinstance(value, str) else _general(value, flags)
    if verb == "T":
        return type_name(value)
    if isinstance(value, bool):
        return plain(value) if verb == "t" else None
    if isinstance(value, int):
        return _integer(verb, value, flags)
    if isinstance(value, float):
        return _float(verb, value, flags, precision)
    if isinstance(value, str) or (isinstance(value, Struct) and value.string is not None):
        return _text(verb, value if isinstance(value, str) else str(value.string), flags, precision)
    if isinstance(value, Mapping | Struct) and verb in "sd":
        return plain(value)
    return None


def _general(value: Any, flags: str) -> str:
    shown = plain(value, inside=True, plus="+" in flags)
    return f"+{shown}" if "+" in flags and isinstance(value, int | float) and value >= 0 else shown


def _text(verb: str, value: str, flags: str, precision: int | None) -> str | None:
    value = value if precision is None or verb in "xX" else value[:precision]
    if verb == "s":
        return value
    if verb == "q":
        return f"`{value}`" if "#" in flags and "`" not in value else quoted(value)
    if verb in "xX":
        raw = value.encode()[:precision]
        digits = raw.hex(" ") if " " in flags else raw.hex()
        return digits.upper() if verb == "X" else digits
    return None


def _integer(verb: str, value: int, flags: str) -> str | None:
    sign = "-" if value < 0 else "+" if "+" in flags else " " if " " in flags else ""
    size = abs(value)
    prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}.get(verb, "") if "#" in flags else ""
    forms = {"d": "d", "x": "x", "X": "X", "o": "o", "b": "b"}
    if verb in forms:
        return f"{sign}{prefix}{size:{forms[verb]}}"
    if verb == "c":
        return chr(value)
    if verb == "q":
        return f"'{chr(value)}'"
    if verb == "U":
        return f"U+{value:04X}"
    return None


def _float(verb: str, value: float, flags: str, precision: int | None) -> str | None:
    sign = "+" if "+" in flags and value >= 0 else " " if " " in flags and value >= 0 else ""
    if verb in "fF":
        return f"{sign}{value:.{6 if precision is None else precision}f}"
    if verb in "eE":
        return f"{sign}{value:.{6 if precision is None else precision}{verb}}"
    if verb in "gG":
        return sign + (shortest(value) if precision is None else f"{value:.{precision or 1}{verb}}")
    return None


def quoted(text: str) -> str:
    """A text as Go quotes it."""
    short = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
    short |= {"\\": "\\\\", '"': '\\"'}
    return '"' + "".join(short.get(one) or (one if one.isprintable() else _escaped(one)) for one in text) + '"'


def _escaped(one: str) -> str:
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
