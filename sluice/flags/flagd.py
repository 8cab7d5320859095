"""flagd's rules: who gets what of a flag definition (`flagd.dev/schema/v0/flags.json`), and what a wish changes of it.

flagd evaluates `targeting` where there is one and gives what it names, else `defaultVariant`; a flag that is DISABLED leaves
the caller with the default in its code. What sluice writes to switch a flag off stands around its targeting, which stays in
it, whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sluice.errors import InvalidError, TerminalError
from sluice.flags.flag import FALSE, TRUE, Flag, FlagKind, FlagState, Served, Turn, Wish

ENABLED, DISABLED = "ENABLED", "DISABLED"
TARGETING = "targeting"
_FRACTIONAL, _STATE, _DEFAULT = "fractional", "state", "defaultVariant"

Raw = dict[str, Any]


def flag_of(key: str, raw: Raw, environment: str, where: str) -> Flag:
    """A definition as `Flag` has it.

    Raises:
        InvalidError: it is none; the message names the field.
    """
    variants = raw.get("variants")
    if not isinstance(variants, dict) or not variants or raw.get(_STATE) not in (ENABLED, DISABLED):
        raise InvalidError(f"{where}: flag {key} needs variants, and state {ENABLED} or {DISABLED}")
    default = raw.get(_DEFAULT)
    if default is not None and default not in variants:
        raise InvalidError(f"{where}: flag {key} has defaultVariant {default!r}, which is none of its variants")
    metadata = raw.get("metadata") or {}
    state = FlagState(
        enabled=raw[_STATE] == ENABLED,
        served=_served(raw),
        version=hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()[:32],
        switched_off=_covered(raw),
    )
    boolean = _is_boolean(raw)
    return Flag(
        key=key,
        kind=FlagKind.BOOLEAN if boolean else FlagKind.VARIANT,
        environments={environment: state},
        variants=() if boolean else tuple(variants),
        archived=metadata.get("archived") is True,
        description=str(metadata.get("description") or ""),
        tags=tuple(f"{name}={value}" for name, value in sorted(metadata.items())),
    )


def _served(raw: Raw) -> Served:
    if raw[_STATE] == DISABLED:
        return Served()
    targeting = raw.get(TARGETING) or None
    default = raw.get(_DEFAULT)
    if targeting is None:
        return Served(everybody=_value(raw, default) if default else None)
    if _covered(raw):
        return Served(everybody=_value(raw, targeting["if"][1]))
    weights = _weights(raw, targeting)
    if weights is None:
        return Served(rules=True)
    whole = sum(weights.values())
    shares: dict[str, float] = {}
    for name, weight in weights.items():
        shares[_value(raw, name)] = shares.get(_value(raw, name), 0.0) + round(weight / whole * 100.0, 4)
    given = {value for value, percent in shares.items() if percent > 0}
    # Who asks without what tells users apart is in no part, and gets the default.
    without = _value(raw, default) if default else ""
    return Served(everybody=without) if given == {without} else Served(shares=shares)


def _weights(raw: Raw, targeting: Any) -> dict[str, float] | None:
    """The weight of each variant, where the targeting does nothing but split everybody."""
    if (
        not isinstance(targeting, dict)
        or list(targeting) != [_FRACTIONAL]
        or not isinstance(targeting[_FRACTIONAL], list)
    ):
        return None
    found: dict[str, float] = {}
    for part in _parts(targeting):
        weight = part[1] if len(part) > 1 else 1
        if (
            part[0] not in raw["variants"]
            or isinstance(weight, bool)
            or not isinstance(weight, int | float)
            or weight < 0
        ):
            return None
        found[part[0]] = found.get(part[0], 0.0) + weight
    return found if sum(found.values()) > 0 else None


def _parts(targeting: Raw) -> list[Any]:
    """The parts of a `fractional`, without the expression by which users are divided."""
    return [
        one
        for one in targeting[_FRACTIONAL]
        if isinstance(one, list) and one and isinstance(one[0], str) and len(one) < 3
    ]


def turned(key: str, raw: Raw, wish: Wish) -> Raw:
    """The definition as the wish leaves it.

    Raises:
        TerminalError: the flag is not made for that; the message has the way out.
    """
    if wish.turn is Turn.OFF:
        return _off(raw)
    if wish.turn is Turn.RESTORE:
        if _covered(raw):
            return raw | {TARGETING: raw[TARGETING]["if"][2] if len(raw[TARGETING]["if"]) > 2 else {}}
        return raw | {_STATE: ENABLED if wish.enabled else DISABLED}
    if _covered(raw):
        raise TerminalError(f"flag {key} is switched off by its targeting: restore it before its share is changed")
    name, rest = _two(key, raw, wish)
    on = raw | {_STATE: ENABLED}
    split = set(_weights(raw, raw.get(TARGETING)) or {})
    if wish.turn is Turn.ON and (not raw.get(TARGETING) or (split and split <= {name, rest})):
        return on | {_DEFAULT: name} | ({TARGETING: {}} if raw.get(TARGETING) else {})
    return on | {TARGETING: _split(key, raw, name, rest, 100.0 if wish.turn is Turn.ON else wish.share)}


def _off(raw: Raw) -> Raw:
    no = next((name for name, value in raw["variants"].items() if value is False), None)
    if raw[_STATE] == DISABLED or (_is_boolean(raw) and _served(raw).everybody == FALSE):
        return raw
    if not _is_boolean(raw) or no is None:
        return raw | {_STATE: DISABLED}
    old = [raw[TARGETING]] if raw.get(TARGETING) else []
    return raw | {TARGETING: {"if": [True, no, *old]}}


def _split(key: str, raw: Raw, name: str, rest: str, percent: float) -> Raw:
    """The targeting that gives so many percent one variant and all others the other one."""
    scale = 1 if percent.is_integer() else 100
    weights = {name: round(percent * scale), rest: 100 * scale - round(percent * scale)}
    there = raw.get(TARGETING)
    if not there:
        return {_FRACTIONAL: [[one, weight] for one, weight in weights.items()]}
    if set(_weights(raw, there) or {}) != set(weights) or len(_parts(there)) != 2:
        raise TerminalError(
            f"flag {key} has targeting that does more than split users between {name!r} and {rest!r}: sluice does "
            "not change people's rules; raise its share in the file, or give the flag a fractional of these two alone"
        )
    parts = there[_FRACTIONAL]
    return {_FRACTIONAL: [[one[0], weights[one[0]]] if one in _parts(there) else one for one in parts]}


def _two(key: str, raw: Raw, wish: Wish) -> tuple[str, str]:
    """The variant that is shared out, and the one that all others get."""
    variants: Mapping[str, Any] = raw["variants"]
    name = wish.value or next((one for one, value in variants.items() if value is True), "")
    others = [one for one in variants if one != name]
    rest = wish.rest or (others[0] if len(others) == 1 else raw.get(_DEFAULT) or "")
    if name not in variants or rest not in variants or name == rest:
        raise TerminalError(
            f"flag {key} has the variants {', '.join(variants)}: {name or 'none'} and {rest or 'none'} are not two of them"
        )
    return name, rest


def _covered(raw: Raw) -> bool:
    """Whether what sluice writes to switch a flag off stands around its targeting."""
    targeting = raw.get(TARGETING)
    inner = targeting.get("if") if isinstance(targeting, dict) and len(targeting) == 1 else None
    return (
        isinstance(inner, list) and 2 <= len(inner) <= 3 and inner[0] is True and raw["variants"].get(inner[1]) is False
    )


def _is_boolean(raw: Raw) -> bool:
    return all(isinstance(value, bool) for value in raw["variants"].values())


def _value(raw: Raw, variant: str) -> str:
    value = raw["variants"][variant]
    return (TRUE if value else FALSE) if _is_boolean(raw) else variant
