"""Users' expressions in CEL, the language of Kubernetes' and Flux's own: with a budget, and without side effects.

They are compiled and run by the CEL project's own runtime, whose parser and loops have limits, so that no expression can
keep a worker busy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_encoders, ext_optional, ext_strings

from sluice.errors import InvalidError

LONGEST = 8192
"""Characters of an expression."""


def holds(expression: str, over: Mapping[str, Any]) -> bool:
    """Whether an expression is true. One that asks for a field which is not there is not.

    Args:
        expression: CEL, with a Boolean as its result.
        over: what its variables are.

    Raises:
        InvalidError: it is no such expression; the message says where.
    """
    return _value(_checked(expression, tuple(sorted(over))), expression, over)


def holds_of(expression: str, manifest: Mapping[str, Any]) -> bool:
    """Whether an expression over the fields of an object (`status`, `spec`, …) is true.

    Raises:
        InvalidError: it is no such expression; the message says where.
    """
    return _value(_parsed(expression), expression, manifest)


def value_of(expression: str, over: Mapping[str, Any]) -> Any:
    """What an expression comes to: text, a number, a list, a map.

    Raises:
        InvalidError: it is no expression over these, or asks for a field which is not there; the message says where.
    """
    found = _evaluated(_checked(expression, tuple(sorted(over))), expression, over)
    if found.type() == cel.Type.ERROR:
        raise InvalidError(f"{_short(expression)}: {_line(found.plain_value())}")
    return found.plain_value()


def refuse_over(expression: str, variables: Collection[str]) -> None:
    """Go no further where this is not CEL over these variables.

    Raises:
        InvalidError: it is not; the message says where.
    """
    _checked(expression, tuple(sorted(variables)))


def refuse(expression: str) -> None:
    """Go no further where this is not CEL.

    Raises:
        InvalidError: it is not; the message says where.
    """
    _parsed(expression)


def _value(compiled: Any, expression: str, over: Mapping[str, Any]) -> bool:
    found = _evaluated(compiled, expression, over)
    if found.type() == cel.Type.ERROR:
        return False
    if found.type() != cel.Type.BOOL:
        raise InvalidError(f"{_short(expression)} is not true or false but {found.type().name()}")
    return bool(found.plain_value())


def _evaluated(compiled: Any, expression: str, over: Mapping[str, Any]) -> Any:
    try:
        return compiled.eval(data=dict(over))
    except RuntimeError as error:
        raise InvalidError(f"{_short(expression)}: {_line(error)}") from error


@lru_cache(maxsize=1024)
def _checked(expression: str, variables: tuple[str, ...]) -> Any:
    return _compiled(expression, _env(variables), check=True)


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> Any:
    # The fields that an object has are not known before it is there.
    return _compiled(expression, _env(()), check=False)


@lru_cache(maxsize=16)
def _env(variables: tuple[str, ...]) -> Any:
    return cel.NewEnv(
        variables=dict.fromkeys(variables, cel.Type.DYN),
        extensions=[ext_strings.ExtStrings(), ext_optional.ExtOptional(), ext_encoders.ExtEncoders()],
    )


def _compiled(expression: str, env: Any, *, check: bool) -> Any:
    if len(expression) > LONGEST:
        raise InvalidError(f"{_short(expression)} has more than {LONGEST} characters")
    try:
        return env.compile(expression, disable_check=not check)
    except RuntimeError as error:
        raise InvalidError(f"{_short(expression)}: {_line(error)}") from error


def _short(expression: str) -> str:
    return repr(expression if len(expression) <= 60 else f"{expression[:60]}…")


def _line(error: object) -> str:
    return str(error).partition("\n")[0].removeprefix("INVALID_ARGUMENT: ERROR: ")[:300]
