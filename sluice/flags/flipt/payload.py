"""Reads flags as Flipt writes them: the payload of its v2 API and of files, and the several answers of its v1 API.

Field names: flipt-io/flipt, `rpc/flipt/core/core.proto` (v2), `internal/ext/common.go` (files), `rpc/flipt/flipt.proto` and
`rpc/flipt/evaluation/evaluation.proto` of v1.61 (v1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from sluice.errors import InvalidError
from sluice.faults import faults
from sluice.flags.flag import FlagKind
from sluice.flags.flipt.definition import Definition, Part, Rollout, Rule

Raw = Mapping[str, Any]
BOOLEAN = "BOOLEAN_FLAG_TYPE"


def everyone(segments: Iterable[Any]) -> frozenset[str]:
    """The keys of the segments that have no constraint."""
    found = [one for one in segments if isinstance(one, Mapping)]
    return frozenset(str(one["key"]) for one in found if one.get("key") and not one.get("constraints"))


def definition(raw: Any, universal: frozenset[str], where: str) -> Definition:
    """A flag of v2 or of a file.

    Args:
        raw: as it was read.
        universal: see `everyone`.
        where: for messages: whose flag it is.

    Raises:
        InvalidError: it is no flag; the message names the field.
    """
    with _Reading(where, raw):
        variants = _list(raw, "variants")
        default = raw.get("defaultVariant") or raw.get("default_variant") or ""
        if isinstance(default, Mapping):  # v1 gives the variant whole
            default = default.get("key") or ""
        marked = [one["key"] for one in variants if one.get("default")]
        return Definition(
            key=raw["key"],
            kind=FlagKind.BOOLEAN if raw.get("type") == BOOLEAN else FlagKind.VARIANT,
            name=raw.get("name") or "",
            description=raw.get("description") or "",
            enabled=raw.get("enabled") or False,
            variants=tuple(one["key"] for one in variants),
            default=default or (marked[0] if marked else ""),
            rules=tuple(_rule(one) for one in _list(raw, "rules")),
            rollouts=tuple(_rollout(one) for one in _list(raw, "rollouts")),
            metadata={str(key): _text(value) for key, value in (raw.get("metadata") or {}).items()},
            everyone=universal,
            since=_latest(raw, *_list(raw, "rules"), *_list(raw, "rollouts")),
            created_at=raw.get("createdAt"),
        )


def of_v1(
    flag: Any, rules: Iterable[Any], rollouts: Iterable[Any], universal: frozenset[str], where: str
) -> Definition:
    """A flag of v1, whose rules name variants by id and whose rollouts come by another call.

    Raises:
        InvalidError: one of the answers is not what v1 gives.
    """
    with _Reading(where, flag):
        names = {one["id"]: one["key"] for one in _list(flag, "variants") if one.get("id")}
        named = [
            {**rule, "distributions": [_named(part, names) for part in _list(rule, "distributions")]}
            for rule in _ranked(rules)
        ]
        return definition({**flag, "rules": named, "rollouts": _ranked(rollouts)}, universal, where)


def of_snapshot(flag: Any, shot: Any, where: str) -> Definition:
    """A flag of v1 by what the list says of it and what the snapshot for evaluation says.

    Raises:
        InvalidError: one of them is not what v1 gives.
    """
    with _Reading(where, shot):
        rules, rollouts = _once(_list(shot, "rules")), _list(shot, "rollouts")
        segments = [segment for one in rules for segment in _list(one, "segments")]
        for one in rollouts:
            segments += _list(one.get("segment") or {}, "segments")
        return of_v1(flag, rules, rollouts, everyone(segments), where)


def _once(rules: list[Any]) -> list[Any]:
    """v1 repeats a rule for each of its segments, the earlier ones without all of them."""
    found = {str(one.get("id") or index): one for index, one in enumerate(rules)}
    return list(found.values())


def _named(part: Raw, names: Mapping[str, str]) -> Raw:
    return {**part, "variant": part.get("variantKey") or names.get(part.get("variantId", ""), "")}


def _ranked(some: Iterable[Any]) -> list[Any]:
    return sorted(some, key=lambda one: int(one.get("rank") or 0))


def _rule(raw: Raw) -> Rule:
    segments, operator = _segments(raw)
    parts = [
        Part(variant=one.get("variant") or one.get("variantKey") or "", rollout=one.get("rollout") or 0.0, id=_id(one))
        for one in _list(raw, "distributions")
    ]
    return Rule(segments=segments, operator=operator, parts=tuple(parts), id=_id(raw))


def _rollout(raw: Raw) -> Rollout:
    threshold, segment = raw.get("threshold"), raw.get("segment")
    said: dict[str, Any] = {"description": raw.get("description") or "", "id": _id(raw)}
    if threshold is not None:
        return Rollout(percentage=threshold.get("percentage") or 0.0, value=threshold.get("value") or False, **said)
    if not isinstance(segment, Mapping):
        raise KeyError("threshold or segment of a rollout")
    segments, operator = _segments(segment)
    return Rollout(segments=segments, operator=operator, value=segment.get("value") or False, **said)


def _segments(raw: Raw) -> tuple[tuple[str, ...], str]:
    """The keys of what catches users, in all the ways in which they are written; and how several count."""
    operator = raw.get("segmentOperator") or raw.get("operator") or ""
    one = raw.get("segment")
    if isinstance(one, Mapping) and "percentage" not in one:
        keys, inner = _segments(one)
        return keys, inner or operator
    found = (
        one
        or raw.get("segmentKeys")
        or raw.get("segments")
        or raw.get("keys")
        or raw.get("segmentKey")
        or raw.get("key")
    )
    listed = found if isinstance(found, list) else [found] if found else []
    return tuple(str(each["key"] if isinstance(each, Mapping) else each) for each in listed), operator


def _list(raw: Raw, name: str) -> list[Any]:
    found = raw.get(name) or []
    if not isinstance(found, list):
        raise TypeError(f"{name} is no list")
    return found


def _id(raw: Raw) -> str:
    return str(raw.get("id") or "")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _latest(*parts: Raw) -> datetime | None:
    moments = [str(one["updatedAt"]) for one in parts if one.get("updatedAt")]
    return max(datetime.fromisoformat(one) for one in moments) if moments else None


class _Reading:
    """Turns what goes wrong while a flag is read into one error that names it."""

    def __init__(self, where: str, raw: Any) -> None:
        self._where, self._raw = where, raw

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        key = self._raw.get("key", "?") if isinstance(self._raw, Mapping) else "?"
        if isinstance(error, ValidationError):
            raise InvalidError(f"flag {key} of {self._where} is not valid: {faults(error)}") from error
        if isinstance(error, KeyError | TypeError | ValueError | AttributeError | IndexError):
            said = f"{type(error).__name__} {error}" if isinstance(error, AttributeError) else str(error)
            raise InvalidError(f"flag {key} of {self._where} is not as Flipt writes flags: {said}") from error
