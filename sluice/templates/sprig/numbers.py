"""Functions on numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sluice.templates.errors import TemplateError

_MOST_NUMBERS = 100_000


def _int(value: Any) -> int:
    """A value as a whole number; what is none is 0."""
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _atoi(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


def _add(*values: Any) -> int:
    return sum(map(_int, values))


def _add1(value: Any) -> int:
    return _int(value) + 1


def _sub(one: Any, other: Any) -> int:
    return _int(one) - _int(other)


def _mul(one: Any, *others: Any) -> int:
    return math.prod(map(_int, (one, *others)))


def _divided(one: Any, other: Any) -> tuple[int, int]:
    top, bottom = _int(one), _int(other)
    if not bottom:
        raise TemplateError("integer divide by zero")
    whole = abs(top) // abs(bottom) * (1 if (top < 0) == (bottom < 0) else -1)
    return whole, top - whole * bottom


def _div(one: Any, other: Any) -> int:
    return _divided(one, other)[0]


def _mod(one: Any, other: Any) -> int:
    return _divided(one, other)[1]


def _max(one: Any, *others: Any) -> int:
    return max(map(_int, (one, *others)))


def _min(one: Any, *others: Any) -> int:
    return min(map(_int, (one, *others)))


def _maxf(one: Any, *others: Any) -> float:
    return max(map(_float, (one, *others)))


def _minf(one: Any, *others: Any) -> float:
    return min(map(_float, (one, *others)))


def _addf(*values: Any) -> float:
    return sum(map(_float, values))


def _subf(one: Any, *others: Any) -> float:
    return _float(one) - sum(map(_float, others))


def _mulf(one: Any, *others: Any) -> float:
    return math.prod(map(_float, (one, *others)))


def _ceil(value: Any) -> float:
    return float(math.ceil(_float(value)))


def _floor(value: Any) -> float:
    return float(math.floor(_float(value)))


def _round(value: Any, places: int) -> float:
    scaled = _float(value) * 10**places
    whole = math.floor(abs(scaled) + 0.5)
    return float(math.copysign(whole, scaled) / 10**places)


def _decimal(value: Any) -> int:
    try:
        return int(str(value), 8)
    except ValueError:
        return 0


def _numbers(start: int, stop: int, step: int) -> list[int]:
    found = range(start, stop, step) if step else range(0)
    if len(found) > _MOST_NUMBERS:
        raise TemplateError(f"more than {_MOST_NUMBERS} numbers")
    return list(found)


def _until(count: int) -> list[int]:
    return _numbers(0, count, 1 if count >= 0 else -1)


def _until_step(start: int, stop: int, step: int) -> list[int]:
    return _numbers(start, stop, step)


def _seq(*bounds: int) -> str:
    if not bounds or len(bounds) > 3:
        return ""
    start, end = (1, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[-1])
    step = bounds[1] if len(bounds) == 3 else (1 if end >= start else -1)
    return " ".join(map(str, _numbers(start, end + (1 if step > 0 else -1), step)))


NUMBERS: Mapping[str, Callable[..., Any]] = {
    "add": _add,
    "add1": _add1,
    "addf": _addf,
    "atoi": _atoi,
    "biggest": _max,
    "ceil": _ceil,
    "div": _div,
    "float64": _float,
    "floor": _floor,
    "int": _int,
    "int64": _int,
    "max": _max,
    "maxf": _maxf,
    "min": _min,
    "minf": _minf,
    "mod": _mod,
    "mul": _mul,
    "mulf": _mulf,
    "round": _round,
    "seq": _seq,
    "sub": _sub,
    "subf": _subf,
    "toDecimal": _decimal,
    "until": _until,
    "untilStep": _until_step,
}
