"""Prometheus' answers, made empty, NaN or stale, as a Prometheus in that trouble would give them."""

from __future__ import annotations

import json
from typing import Any

from lab.faults.proxies.weather import Effect, Rule


def altered(rule: Rule, raw: bytes) -> bytes:
    """The answer as the rule's trouble would have it; as it is under any other rule."""
    if rule.effect not in {Effect.EMPTY, Effect.NAN, Effect.STALE}:
        return raw
    try:
        answer = json.loads(raw)
        result: list[dict[str, Any]] = answer["data"]["result"]
    except (ValueError, KeyError, TypeError):
        return raw
    if rule.effect is Effect.EMPTY:
        answer["data"]["result"] = []
    elif rule.effect is Effect.NAN:
        answer["data"]["result"] = [_with(series, [(at, "NaN") for at, _ in _samples(series)]) for series in result]
    else:
        kept = [(series, [(at, value) for at, value in _samples(series) if at <= rule.since]) for series in result]
        answer["data"]["result"] = [_with(series, samples) for series, samples in kept if samples]
    return json.dumps(answer).encode()


def _samples(series: dict[str, Any]) -> list[tuple[float, str]]:
    found = series["values"] if "values" in series else [series["value"]]
    return [(float(at), str(value)) for at, value in found]


def _with(series: dict[str, Any], samples: list[tuple[float, str]]) -> dict[str, Any]:
    samples_as_text: list[list[float | str]] = [[at, value] for at, value in samples]
    return {**series, "values": samples_as_text} if "values" in series else {**series, "value": samples_as_text[0]}
