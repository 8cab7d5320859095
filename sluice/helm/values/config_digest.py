"""The digest of a release's values, as Flux writes it.

It is taken over the values as YAML, keys in order, as Go's yaml library writes it. PyYAML is a port of the same C library
as that one is, so only the choice of a scalar's style is ours: what a reader could take for something else than a string
is quoted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import yaml

EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()
_WORDS = (
    frozenset(
        each
        for word in ("y", "yes", "true", "on", "n", "no", "false", "off", "null")
        for each in (word, word.capitalize(), word.upper())
    )
    | {"", "~", ".nan", ".NaN", ".NAN"}
    | {f"{sign}.{inf}" for sign in ("", "+", "-") for inf in ("inf", "Inf", "INF")}
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DOTTED = re.compile(r"\.[0-9]+([eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")
_DATE = re.compile(
    r"[0-9]{4}-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?)?"
)
_INT64, _UINT64 = 2**63, 2**64
_STRING = "tag:yaml.org,2002:str"


class _Plain(yaml.SafeDumper):
    """Takes the style of each scalar as it is given, and differs from Go's port where PyYAML does."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own way to say so

    def check_simple_key(self) -> bool:
        """An empty key needs no `?`."""
        event = self.event
        if isinstance(event, yaml.ScalarEvent) and not event.value:
            return True
        return bool(super().check_simple_key())

    def analyze_scalar(self, scalar: str) -> Any:
        """What is beyond the basic plane is written by its number."""
        found = super().analyze_scalar(scalar)
        if any(one > "\uffff" for one in scalar):
            found.allow_flow_plain = found.allow_block_plain = found.allow_single_quoted = found.allow_block = False
        return found


def config_digest(values: Mapping[str, Any]) -> str:
    """The digest of these values, `sha256:…`."""
    return f"sha256:{hashlib.sha256(go_yaml(values).encode()).hexdigest()}" if values else EMPTY


def go_yaml(values: Mapping[str, Any]) -> str:
    """Values as the YAML that the digest is taken over."""
    text: str = yaml.serialize(_node(values), Dumper=_Plain, allow_unicode=True, width=80, indent=2)
    # PyYAML ends a document so where its last text ends with blank lines; Go does not.
    return text[:-4] if text.endswith("\n...\n") else text


def _node(value: Any) -> yaml.Node:
    if isinstance(value, Mapping):
        pairs = [(_text(str(key)), _node(value[key])) for key in sorted(value)]
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=not pairs)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return yaml.SequenceNode("tag:yaml.org,2002:seq", [_node(one) for one in value], flow_style=not value)
    return yaml.ScalarNode(_STRING, _scalar(value))


def _text(value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else '"' if _misread(value) else None
    return yaml.ScalarNode(_STRING, value, style=style)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    number = float(value)  # type: ignore[arg-type]  # JSON has nothing else, and Go reads all its numbers as this
    if number.is_integer() and -_INT64 <= number < _UINT64:
        return str(int(number))
    return _go_float(number)


def _go_float(number: float) -> str:
    """As Go's `%g` writes it: as few digits as tell it from others, with an exponent where that is below -4 or above 5."""
    sign, digits, exponent = Decimal(repr(number)).as_tuple()
    written = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1
    if -4 <= power < 6:
        return repr(number)
    point = f"{written[0]}.{written[1:]}" if len(written) > 1 else written
    return f"{'-' if sign else ''}{point}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _misread(text: str) -> bool:
    """Whether a reader of YAML 1.1 could take a plain scalar for something else than a string."""
    if text in _WORDS or _BASE_60.fullmatch(text):
        return True
    if text[0] == ".":
        return bool(_DOTTED.fullmatch(text))
    if text[0] not in "+-0123456789":
        return False
    plain = text.replace("_", "")
    return bool((_INTEGER.fullmatch(plain) and _fits(plain)) or _FLOAT.fullmatch(plain) or _date(text))


def _fits(plain: str) -> bool:
    """Whether a number has 64 bits; a longer decimal one is a float, which another rule finds."""
    body = plain.lstrip("+-")
    base = {"x": 16, "b": 2, "o": 8}.get(body[1:2].lower(), 8 if len(body) > 1 and body[0] == "0" else 10)
    digits = body[2:] if base in {16, 2} or body[1:2].lower() == "o" else body
    return int(digits or "0", base) < _UINT64


def _date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    return found is not None and 1 <= int(found["month"]) <= 12 and 1 <= int(found["day"]) <= 31
