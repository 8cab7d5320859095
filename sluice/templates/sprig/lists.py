"""Functions on lists and maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice.templates.errors import TemplateError
from sluice.templates.sprig.texts import strval
from sluice.templates.values import Struct, ordered, truth, type_name


def _as_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise TemplateError(f"error calling {name}: cannot be used on type {type_name(value)}")
    return list(value)


def _list(*values: Any) -> list[Any]:
    return list(values)


def _first(value: Any) -> Any:
    found = _as_list(value, "first")
    return found[0] if found else None


def _last(value: Any) -> Any:
    found = _as_list(value, "last")
    return found[-1] if found else None


def _rest(value: Any) -> list[Any]:
    return _as_list(value, "rest")[1:]


def _initial(value: Any) -> list[Any]:
    return _as_list(value, "initial")[:-1]


def _append(value: Any, one: Any) -> list[Any]:
    return [*_as_list(value, "append"), one]


def _prepend(value: Any, one: Any) -> list[Any]:
    return [one, *_as_list(value, "prepend")]


def _concat(*values: Any) -> list[Any]:
    return [one for value in values for one in _as_list(value, "concat")]


def _has(needle: Any, value: Any) -> bool:
    return value is not None and any(_equal(needle, one) for one in _as_list(value, "has"))


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _reverse(value: Any) -> list[Any]:
    return _as_list(value, "reverse")[::-1]


def _uniq(value: Any) -> list[Any]:
    found: list[Any] = []
    for one in _as_list(value, "uniq"):
        if not any(_equal(one, other) for other in found):
            found.append(one)
    return found


def _without(value: Any, *left_out: Any) -> list[Any]:
    return [one for one in _as_list(value, "without") if not any(_equal(one, other) for other in left_out)]


def _compact(value: Any) -> list[Any]:
    return [one for one in _as_list(value, "compact") if truth(one)]


def _slice(value: Any, *bounds: int) -> list[Any]:
    found = _as_list(value, "slice")
    start = bounds[0] if bounds else 0
    end = bounds[1] if len(bounds) > 1 else len(found)
    if not 0 <= start <= end <= len(found):
        raise TemplateError("error calling slice: slice bounds out of range")
    return found[start:end]


def _chunk(size: int, value: Any) -> list[Any]:
    found = _as_list(value, "chunk")
    return [found[at : at + size] for at in range(0, len(found), size)] if size > 0 else []


def _dict(*pairs: Any) -> dict[str, Any]:
    values = [*pairs[1::2], *([""] if len(pairs) % 2 else [])]
    return {strval(key): value for key, value in zip(pairs[::2], values, strict=True)}


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TemplateError(f"wrong type for value; expected map[string]interface {{}}; got {type_name(value)}")
    return dict(value)


def _get(value: Any, key: str) -> Any:
    return _map(value).get(key, "")


def _set(value: Any, key: str, one: Any) -> Any:
    _map(value)
    value[key] = one
    return value


def _unset(value: Any, key: str) -> Any:
    _map(value)
    value.pop(key, None)
    return value


def _has_key(value: Any, key: str) -> bool:
    return key in _map(value)


def _keys(*values: Any) -> list[Any]:
    return [key for value in values for key in ordered(_map(value))]


def _values(value: Any) -> list[Any]:
    return [value[key] for key in ordered(_map(value))]


def _pick(value: Any, *keys: str) -> dict[str, Any]:
    return {key: one for key, one in _map(value).items() if key in keys}


def _omit(value: Any, *keys: str) -> dict[str, Any]:
    return {key: one for key, one in _map(value).items() if key not in keys}


def _merged(into: Any, more: Any, *, over: bool) -> Any:
    for key, one in _map(more).items():
        there = into.get(key)
        if isinstance(there, dict) and isinstance(one, Mapping):
            _merged(there, one, over=over)
        elif over or not truth(there):
            into[key] = one
    return into


def _merge(into: Any, *others: Any) -> Any:
    _map(into)
    for more in others:
        _merged(into, more, over=False)
    return into


def _merge_overwrite(into: Any, *others: Any) -> Any:
    _map(into)
    for more in others:
        _merged(into, more, over=True)
    return into


def _pluck(key: str, *values: Any) -> list[Any]:
    return [value[key] for value in map(_map, values) if key in value]


def _dig(*path: Any) -> Any:
    *keys, fallback, value = path
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return fallback
        value = value[key]
    return value


def _deep_copy(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, Struct):
        return {key: _deep_copy(one) for key, one in value.items()}
    return [_deep_copy(one) for one in value] if isinstance(value, list | tuple) else value


def _deep_equal(one: Any, other: Any) -> bool:
    return _equal(one, other)


_MAY_FAIL: Mapping[str, Callable[..., Any]] = {
    "append": _append,
    "chunk": _chunk,
    "compact": _compact,
    "deepCopy": _deep_copy,
    "first": _first,
    "has": _has,
    "initial": _initial,
    "last": _last,
    "merge": _merge,
    "mergeOverwrite": _merge_overwrite,
    "prepend": _prepend,
    "push": _append,
    "rest": _rest,
    "reverse": _reverse,
    "slice": _slice,
    "uniq": _uniq,
    "without": _without,
}
LISTS: Mapping[str, Callable[..., Any]] = {
    **_MAY_FAIL,
    **{f"must{name[0].upper()}{name[1:]}": function for name, function in _MAY_FAIL.items()},
    "concat": _concat,
    "deepEqual": _deep_equal,
    "dict": _dict,
    "dig": _dig,
    "get": _get,
    "hasKey": _has_key,
    "keys": _keys,
    "list": _list,
    "omit": _omit,
    "pick": _pick,
    "pluck": _pluck,
    "set": _set,
    "tuple": _list,
    "unset": _unset,
    "values": _values,
}
