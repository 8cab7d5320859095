"""OpenMetrics text as `promtool tsdb dump-openmetrics` writes it: one sample a line, with its time in seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sluice.errors import InvalidError

NAME = "__name__"
Sample = tuple[dict[str, str], float, float]
"""Labels with the metric's name among them, seconds since the epoch, value."""
MILLISECONDS = 1e11
"""A time as large as this one is no time in seconds before the year 5000."""

_NO_SAMPLE = 'it is neither JSON nor a sample such as name{label="value"} 1 1700000000.000'
_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    rf"(?:([A-Za-z_:][\w:]*)(?=[\s{{]))?\s*(?:\{{((?:[^\"}}]|{_QUOTED})*)\}})?\s*(\S+)(?:\s+(\S+))?\s*(?:#.*)?"
)
# A name that is no identifier stands in quotes, and the metric's own without a value.
_PAIR = re.compile(rf"\s*(?:([A-Za-z_][\w.:]*)|{_QUOTED})\s*(?:=\s*{_QUOTED})?\s*(?:,|$)")
_ESCAPED = re.compile(r"\\(.)")
_MEANT = {"n": "\n", "t": "\t", "r": "\r"}


def samples_in(lines: Iterable[str], names: frozenset[str] = frozenset()) -> Iterator[Sample]:
    """The samples of the text.

    Args:
        names: metrics that are wanted; all where empty.

    Raises:
        InvalidError: a line is no sample, or has no time in seconds; the message has its number.
    """
    known: dict[tuple[str, str], dict[str, str]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            found = _sample(line.strip(), names, known)
        except ValueError as error:
            raise InvalidError(f"line {number}: {error}: {line.strip()[:200]}") from error
        if found is not None:
            yield found


def _sample(line: str, names: frozenset[str], known: dict[tuple[str, str], dict[str, str]]) -> Sample | None:
    parts = _LINE.fullmatch(line)
    if parts is None:
        raise ValueError(_NO_SAMPLE)
    name, inside, _, value, time = parts.groups(default="")
    if name and names and name not in names:
        return None
    labels = known.get((name, inside))
    if labels is None:
        # A series' samples come together and look alike up to its value: thousands of lines are taken apart once.
        labels = known[name, inside] = _labels(name, inside)
    if names and labels[NAME] not in names:
        return None
    if not time:
        raise ValueError("it has no time, as on an exporter's page; export with promtool tsdb dump-openmetrics")
    at = float(time)
    if at >= MILLISECONDS:
        raise ValueError("its time is in milliseconds; export with promtool tsdb dump-openmetrics")
    return labels, at, float(value)


def _labels(name: str, inside: str) -> dict[str, str]:
    labels, at = {NAME: name} if name else {}, 0
    while at < len(inside):
        pair = _PAIR.match(inside, at)
        plain, quoted, value = pair.groups() if pair else (None, None, None)
        if pair is None or (quoted is None and value is None):
            raise ValueError('its labels are no name="value"')
        if value is None:
            labels[NAME] = _meant(quoted or "")
        else:
            labels[plain or _meant(quoted or "")] = _meant(value)
        at = pair.end()
    if not labels.get(NAME):
        raise ValueError(_NO_SAMPLE)
    return labels


def _meant(text: str) -> str:
    return _ESCAPED.sub(lambda one: _MEANT.get(one[1], one[1]), text)
