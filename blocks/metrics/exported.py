"""Samples in files that were exported from a Prometheus: of a month ago, or of a network that this machine is not in.

Two forms are read, recognised by how a file begins: the JSON of the HTTP API (`/api/v1/query?query=NAME[1h]`, or
`query_range` of the name alone), and the OpenMetrics text of `promtool tsdb dump-openmetrics` (`openmetrics.py`).
"""

from __future__ import annotations

import json
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from blocks.metrics.openmetrics import NAME, Sample, samples_in
from sluice.errors import InvalidError
from sluice.measures.series import Selector, Series

_JSON = re.compile(r'\s*(\[|\{\s*"[^"]*"\s*:)')
Key = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """Series by their metric's name. It counts, but has no values to give.

    Attributes:
        files: where they are from, in words.
    """

    files: str
    series: Mapping[str, Sequence[Series]]

    @classmethod
    def of(cls, files: Sequence[Path], names: Collection[str] = ()) -> Exported:
        """What is in the files; a series that is in several of them is one.

        Args:
            names: metrics that are kept, for a dump may hold millions of samples; all where empty.

        Raises:
            InvalidError: a file cannot be read, or is no export.
        """
        found: dict[str, dict[Key, dict[float, float]]] = {}
        for file in files:
            for labels, at, value in _samples(file, frozenset(names)):
                # NaN counts nothing, and would make all that is added to it NaN.
                if isfinite(value):
                    key = tuple(sorted((k, v) for k, v in labels.items() if k != NAME))
                    found.setdefault(labels[NAME], {}).setdefault(key, {})[at] = value
        said = ", ".join(str(file) for file in files)
        return cls(said, {name: [_series(*one) for one in by.items()] for name, by in found.items()})

    def now(self) -> float:
        """The time of the newest sample: later than that nothing is known."""
        newest = [one.samples[-1][0] for many in self.series.values() for one in many]
        return max(newest) if newest else time.time()

    async def samples(self, selector: Selector, start: float, end: float) -> list[Series]:
        found = [one for one in self.series.get(selector.metric, ()) if selector.wants(one)]
        cut = [Series(one.labels, _between(one.samples, start, end)) for one in found]
        return [one for one in cut if one.samples]

    async def value(self, query: str) -> float | None:
        raise InvalidError(
            f"the query {query.strip()} needs a Prometheus that answers: {self.files} has samples, and nobody who "
            "computes; judge by counted metrics, or replay from the server with --begin and --end"
        )


class _Entry(BaseModel):
    metric: dict[str, str]
    values: list[tuple[float, float]] = []


class _Data(BaseModel):
    resultType: Literal["matrix"]  # noqa: N815 - Prometheus' word
    result: list[_Entry]


class _Answer(BaseModel):
    status: Literal["success"]
    data: _Data


def _samples(file: Path, names: frozenset[str]) -> Iterator[Sample]:
    try:
        with file.open(encoding="utf-8") as lines:
            begin = lines.read(400)
            lines.seek(0)
            if not begin.strip():
                raise InvalidError("it is empty")
            yield from _answers(lines.read(), names) if _JSON.match(begin) else samples_in(lines, names)
    except (OSError, UnicodeDecodeError, InvalidError) as error:
        raise InvalidError(f"{file}: {error}") from error


def _answers(text: str, names: frozenset[str]) -> Iterator[Sample]:
    """The samples of one answer of the API, of several one after another, or of a list of them."""
    decode: Callable[[str, int], tuple[object, int]] = json.JSONDecoder().raw_decode
    text, at = text.strip(), 0
    while at < len(text):
        try:
            found, at = decode(text, at)
        except ValueError as error:
            raise InvalidError(f"not JSON, or cut off: {error}") from error
        at = len(text) - len(text[at:].lstrip())
        for one in found if isinstance(found, list) else [found]:
            yield from _of_answer(one, names)


def _of_answer(found: object, names: frozenset[str]) -> Iterator[Sample]:
    try:
        answer = _Answer.model_validate(found)
    except ValidationError as error:
        raise InvalidError(_wrong(found, error)) from error
    for entry in answer.data.result:
        if NAME not in entry.metric:
            raise InvalidError(
                f"the series {entry.metric} has no {NAME}: counters are needed as they were scraped, not a rate or a sum "
                "of them; export /api/v1/query?query=NAME[1h]"
            )
        if not names or entry.metric[NAME] in names:
            yield from ((entry.metric, at, value) for at, value in entry.values)


def _wrong(found: object, error: ValidationError) -> str:
    answer = found if isinstance(found, dict) else {}
    if answer.get("status") == "error":
        return f"it is Prometheus' answer that it refused: {answer.get('error')}"
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if where == "data.resultType":
        return f"{where} is {first['input']!r} where 'matrix' is needed: ask for a range, /api/v1/query?query=NAME[1h]"
    return f"not an answer of Prometheus' HTTP API: {where or 'it'}: {first['msg']}"


def _series(labels: Key, samples: Mapping[float, float]) -> Series:
    return Series(dict(labels), tuple(sorted(samples.items())))


def _between(samples: tuple[tuple[float, float], ...], start: float, end: float) -> tuple[tuple[float, float], ...]:
    times = [at for at, _ in samples]
    return samples[bisect_right(times, start) : bisect_right(times, end)]
