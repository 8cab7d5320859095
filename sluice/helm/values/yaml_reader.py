"""YAML as helm reads it: by the rules of Go's library, which are not PyYAML's for `y`, `1e3`, `0o17`, `12:30`, `=`."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_BASE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOOL = re.compile(r"(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON|n|N|no|No|NO|false|False|FALSE|off|Off|OFF)\Z")
_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(
    r"(?:[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset({"y", "yes", "true", "on"})


class GoLoader(_BASE):  # type: ignore[misc]  # PyYAML has the fast one only where its C library is
    """Reads plain scalars as Go does, and nothing but plain data."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own way to say so


def _bool(loader: Any, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() in _TRUE


def _int(loader: Any, node: yaml.ScalarNode) -> int | float | str:
    text = str(loader.construct_scalar(node))
    digits = text.replace("_", "")
    body = digits.lstrip("+-")
    base = {"x": 16, "b": 2, "o": 8}.get(body[1:2].lower(), 8 if len(body) > 1 and body[0] == "0" else 10)
    try:
        number = int(body[2:] if body[1:2].isalpha() else body, base) * (-1 if digits[0] == "-" else 1)
    except ValueError:
        return text
    if -(2**63) <= number < 2**64:
        return number
    return float(digits) if base == 10 else text


def _float(loader: Any, node: yaml.ScalarNode) -> float | str:
    text = str(loader.construct_scalar(node))
    plain = text.replace("_", "")
    if plain.lower().endswith((".inf", ".nan")):
        return float(plain.replace(".", ""))
    try:
        number = float(plain)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


GoLoader.add_implicit_resolver(f"{_TAG}bool", _BOOL, list("yYnNtTfFoO"))
GoLoader.add_implicit_resolver(f"{_TAG}int", _INT, list("-+0123456789"))
GoLoader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))
GoLoader.add_implicit_resolver(f"{_TAG}null", _NULL, ["~", "n", "N", ""])
GoLoader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"<<\Z"), ["<"])
GoLoader.add_constructor(f"{_TAG}bool", _bool)
GoLoader.add_constructor(f"{_TAG}int", _int)
GoLoader.add_constructor(f"{_TAG}float", _float)
