"""The index of a chart repository: one chart's versions out of it, without reading the rest.

An index may have tens of megabytes, most of it about other charts. Helm writes it with a chart's versions below its name;
these lines alone are read as YAML. An index that somebody has laid out in another way is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sluice.errors import InvalidError, NotFoundError
from sluice.helm.values.yaml_reader import GoLoader
from sluice.images.ranges import parse_range, parse_version

WHOLE = 4 * 1024 * 1024
"""Most bytes of an index that is read as a whole."""


class ChartVersion(BaseModel):
    """One version of a chart in an index."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True, frozen=True)
    name: str = ""
    version: str
    urls: tuple[str, ...] = ()
    digest: str = ""
    created: str = ""
    app_version: str = Field("", coerce_numbers_to_str=True)


def entries_of(lines: Iterable[str], chart: str) -> list[ChartVersion]:
    """The versions of a chart.

    Args:
        lines: of the index.

    Raises:
        NotFoundError: the index has no such chart.
        InvalidError: it is no index.
    """
    begun, block, small, size = False, [], [], 0
    wanted = {f"  {chart}:", f"  '{chart}':", f'  "{chart}":'}
    found = False
    for line in lines:
        size += len(line)
        if size <= WHOLE:
            small.append(line)
        text = line.rstrip("\r\n")
        if not text.startswith((" ", "-", "#")) and text:
            begun = text.rstrip() == "entries:"
        elif begun and found and _is_key(text):
            break
        elif begun and text.rstrip() in wanted:
            found = True
        if found and begun and text.rstrip() not in wanted:
            block.append(line)
    if found:
        return _versions(_loaded("".join(block), chart), chart)
    if size > WHOLE:
        raise NotFoundError(f"the index has no chart {chart!r}, as far as it is laid out as helm does it")
    whole = _loaded("".join(small), chart)
    charts = whole.get("entries") if isinstance(whole, dict) else None
    if not isinstance(charts, dict):
        raise InvalidError("what the repository serves as index.yaml is no index: it has no `entries`")
    if chart not in charts:
        raise NotFoundError(f"the index has no chart {chart!r}")
    return _versions(charts[chart], chart)


def chosen(versions: Sequence[ChartVersion], wanted: str, chart: str) -> ChartVersion:
    """The version that is wanted: exactly this one where it is there, else the newest in the range.

    Raises:
        NotFoundError: there is none.
        InvalidError: the range cannot be read.
    """
    wanted = wanted or "*"
    for one in versions:
        if one.version == wanted:
            return one
    allowed = parse_range(wanted, field="spec.version")
    fitting = [
        (parsed, one.created, at, one)
        for at, one in enumerate(versions)
        if (parsed := parse_version(one.version)) is not None and allowed.allows(parsed)
    ]
    if not fitting:
        raise NotFoundError(f"no version of chart {chart!r} is in the range {wanted!r}")
    # Those that differ by their build alone come in the order in which they were made.
    return max(fitting, key=lambda one: one[:3])[3]


def address_of(repository: str, version: ChartVersion) -> str:
    """Where a version is downloaded from.

    Raises:
        InvalidError: the index names no place, or one that is not http(s).
    """
    if not version.urls:
        raise InvalidError(f"the index names no address of {version.name} {version.version}")
    base = repository if repository.endswith("/") else f"{repository}/"
    found = urljoin(base, version.urls[0])
    if urlsplit(found).scheme not in {"http", "https"}:
        raise InvalidError(f"{version.name} {version.version} is at an address that is not http(s)")
    return found


def _is_key(text: str) -> bool:
    """Whether a line is the name of another chart, at the place where helm writes it."""
    return len(text) > 2 and text[:2] == "  " and text[2] not in " -#"


def _loaded(text: str, chart: str) -> Any:
    try:
        return yaml.load(text, Loader=GoLoader)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InvalidError(f"the repository's index is not YAML where chart {chart!r} is") from None


def _versions(listed: object, chart: str) -> list[ChartVersion]:
    if not isinstance(listed, list):
        raise InvalidError(f"the index has no list of versions of chart {chart!r}")
    found = []
    for one in listed:
        try:
            found.append(ChartVersion.model_validate({**one, "version": str(one["version"])}))
        except (ValidationError, KeyError, TypeError):
            continue  # one odd entry is no reason to lose the others
    if not found:
        raise NotFoundError(f"the index has no version of chart {chart!r}")
    return found
