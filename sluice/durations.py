"""Durations as Kubernetes manifests write them (`1m30s`, `500ms`), the form of Go's `time.ParseDuration`."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


@lru_cache(4096)  # a manifest is read at each look, and says each time what it said
def seconds(text: str | float) -> float:
    """Seconds in a duration such as `1m30s`; a bare number is seconds.

    Raises:
        ValueError: not a duration; the message shows the form.
    """
    if isinstance(text, int | float):
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write for example 30s, 1m or 1m30s")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


Duration = Annotated[float, BeforeValidator(seconds), WithJsonSchema({"type": "string"})]
"""A duration in a manifest: text outside, seconds inside."""


def go_duration(value: float) -> str:
    """A duration as Go writes it: `5m0s`, `1h0m0s`, `1.5s`, `250ms`."""
    if 0 < value < 1:
        return f"{value * 1000:g}ms"
    whole, rest = divmod(value, 60)
    hours, minutes = divmod(int(whole), 60)
    text = f"{round(rest, 3):g}s"
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}" if minutes else text


def kubernetes_time(text: str | None) -> float:
    """Seconds since the epoch of a time as Kubernetes writes it; 0 where there is none."""
    return datetime.fromisoformat(text).timestamp() if text else 0.0


_UNITS = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"))


def in_words(value: float) -> str:
    """A duration for people, in the largest unit that it has two of: `7 days`, `36 hours`, `90 seconds`."""
    for unit, name in _UNITS:
        if value >= 2 * unit or value == unit:
            count = round(value / unit)
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{value:g} second{'' if value == 1 else 's'}"
