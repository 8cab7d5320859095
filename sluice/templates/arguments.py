"""Whether a function may be called with these values: Go refuses a number where a text is wanted."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from sluice.templates.errors import TemplateError
from sluice.templates.values import MISSING, type_name

_PLAIN = {"str": (str, "string"), "int": (int, "int"), "float": (float, "float64"), "bool": (bool, "bool")}


@functools.lru_cache(maxsize=1000)
def _wanted(function: Callable[..., Any]) -> tuple[tuple[str, ...], int, str | None]:
    """The kinds of a function's parameters, how many it needs, and the kind of all further ones; None for no further."""
    kinds: list[str] = []
    needed, further = 0, None
    for one in inspect.signature(function).parameters.values():
        kind = one.annotation if isinstance(one.annotation, str) else getattr(one.annotation, "__name__", "Any")
        if one.kind is inspect.Parameter.VAR_POSITIONAL:
            further = kind
        else:
            kinds.append(kind)
            needed += one.default is inspect.Parameter.empty
    return tuple(kinds), needed, further


def fitting(name: str, function: Callable[..., Any], given: list[Any]) -> list[Any]:
    """The values as the function takes them.

    Raises:
        TemplateError: there are too many or too few, or one is of another kind.
    """
    kinds, needed, further = _wanted(function)
    if len(given) < needed or (further is None and len(given) > len(kinds)):
        least = "at least " if further is not None else ""
        raise TemplateError(f"wrong number of args for {name}: want {least}{needed} got {len(given)}")
    return [
        _fitted(name, kinds[index] if index < len(kinds) else further or "Any", value)
        for index, value in enumerate(given)
    ]


def _fitted(name: str, kind: str, value: Any) -> Any:
    wanted = _PLAIN.get(kind)
    if wanted is None:
        return None if value is MISSING else value
    wish, said = wanted
    if wish is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, wish) or (wish is not bool and isinstance(value, bool)):
        raise TemplateError(f"wrong type for value; expected {said}; got {type_name(value)} in {name}")
    return value
