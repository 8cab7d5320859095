"""Reading YAML as Kubernetes' own tools do.

PyYAML follows YAML 1.1 to the letter: a plain `=` is a tag of its own, `12:30` is 750 and `2024-01-01` is a date. kubectl
and kustomize take all of these for strings, and `1e3`, which PyYAML does not know, for a number.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

_BASE: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OTHERWISE = {"value", "timestamp", "int", "float"}
"""The plain scalars that Kubernetes' tools read in another way."""
_INT = re.compile(r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_TAG = "tag:yaml.org,2002:"


class Loader(_BASE):  # type: ignore[misc]  # which of the two there is depends on the machine
    """Safe, and with the plain scalars of Kubernetes' tools."""


def _whole(loader: Any, node: Any) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    for prefix, base in (("0b", 2), ("0o", 8), ("0x", 16), ("0", 8)):
        if digits.startswith(prefix) and digits != "0":
            return sign * int(digits[len(prefix) :], base)
    return sign * int(digits)


def _number(loader: Any, node: Any) -> float:
    number = float(_BASE.construct_yaml_float(loader, node))
    # As Go writes it into JSON: a field for whole numbers takes 1000, and not 1000.0.
    return int(number) if number.is_integer() else number


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag.removeprefix(_TAG) not in _OTHERWISE]
    for first, rows in _BASE.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(f"{_TAG}int", re.compile(rf"(?:{_INT.pattern})$"), list("-+0123456789"))
Loader.add_implicit_resolver(f"{_TAG}float", re.compile(rf"(?:{_FLOAT.pattern})$"), list("-+.0123456789"))
Loader.add_constructor(f"{_TAG}int", _whole)
Loader.add_constructor(f"{_TAG}float", _number)
