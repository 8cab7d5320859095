"""A chart as a directory: found among files, unpacked from its archive within bounds, and changed as its user wants it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from blocks.archives import BROKEN, members, write
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.values.composed import merged, read_values

CHART = "Chart.yaml"
LARGEST = 100 * 1024 * 1024
"""Bytes of a chart when it is unpacked."""
MOST = 10_000
"""Files of a chart."""
_VERSION = re.compile(r"^version:.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ChartFolder:
    """A chart that helm can release.

    Attributes:
        folder: has its Chart.yaml.
    """

    folder: Path
    name: str
    version: str
    app_version: str = ""
    dependencies: tuple[dict[str, Any], ...] = ()


def read_chart(folder: Path) -> ChartFolder:
    """The chart in a directory.

    Raises:
        NotFoundError: there is none.
        InvalidError: its Chart.yaml cannot be read.
    """
    try:
        about = read_values((folder / CHART).read_text(), CHART)
    except (OSError, UnicodeDecodeError):
        raise NotFoundError(f"there is no chart: {CHART} is missing") from None
    name, version = about.get("name"), about.get("version")
    if not isinstance(name, str) or not name or version is None:
        raise InvalidError(f"{CHART} has no name or no version")
    wanted = about.get("dependencies")
    dependencies = tuple(one for one in wanted if isinstance(one, dict)) if isinstance(wanted, list) else ()
    return ChartFolder(folder, name, str(version), str(about.get("appVersion") or ""), dependencies)


def chart_in(files: Path, path: str, target: Path) -> ChartFolder:
    """A copy of the chart at `path` among files: a directory, or an archive; also where it is all that there is.

    Raises:
        NotFoundError: there is none.
        InvalidError: the path leads out of the files.
    """
    root = files.resolve()
    place = (root / path.lstrip("/")).resolve()
    if not place.is_relative_to(root):
        raise InvalidError(f"the chart's path {path!r} leads out of the source")
    if not place.exists():
        raise NotFoundError(f"the chart's path {path!r} is not in the source")
    place = _only_chart(place)
    if place.is_file():
        return unpacked(place, target)
    shutil.copytree(place, target, symlinks=True, dirs_exist_ok=True)
    _no_links(target)
    return read_chart(target)


def _only_chart(place: Path) -> Path:
    """The chart that is the only thing in a directory, as in an artifact that holds a packed chart."""
    if place.is_file() or (place / CHART).is_file():
        return place
    inside = sorted(place.iterdir())
    charts = [one for one in inside if (one / CHART).is_file() or one.name.endswith((".tgz", ".tar.gz"))]
    if len(charts) != 1:
        raise NotFoundError(f"there is no chart at {place.name!r}: {CHART} is missing")
    return charts[0]


def unpacked(archive: Path, target: Path) -> ChartFolder:
    """The chart in an archive, which has it in one directory.

    Raises:
        InvalidError: it is no archive of a chart, has more than is allowed, or files that would lie outside of it.
    """
    size = 0
    try:
        for packed, member in members(archive, LARGEST + 4096 * MOST, MOST):
            size += member.size
            if size > LARGEST:
                raise InvalidError(f"the chart has more than {LARGEST // 1024**2} MiB")
            parts = PurePosixPath(member.name).parts
            if not member.isreg() or len(parts) < 2:
                continue  # helm takes no links from an archive, and neither do we
            if ".." in parts or parts[0] == "/":
                raise InvalidError(f"the chart's archive has a file outside of it: {member.name!r}")
            place = target.joinpath(*parts[1:])
            place.parent.mkdir(parents=True, exist_ok=True)
            write(packed, member, place)
    except (*BROKEN, OSError, ValueError) as error:
        raise InvalidError(f"this is no archive of a chart: {type(error).__name__}") from error
    return read_chart(target)


def with_version(chart: ChartFolder, version: str) -> ChartFolder:
    """The chart with another version written into its Chart.yaml."""
    if version == chart.version:
        return chart
    place = chart.folder / CHART
    line = f"version: {version!r}"
    place.write_text(_VERSION.sub(lambda _: line, place.read_text(), count=1))
    return read_chart(chart.folder)


def with_values_files(
    chart: ChartFolder, files: Sequence[str], base: Path, *, ignore_missing: bool
) -> tuple[ChartFolder, list[str]]:
    """The chart with the values of these files, merged in order, as its own; and which of them there are.

    Args:
        base: what their paths are relative to.

    Raises:
        NotFoundError: one is missing.
        InvalidError: one is no YAML of values, or leads out of the source.
    """
    if not files:
        return chart, []
    values: dict[str, Any] = {}
    used = []
    root = base.resolve()
    for name in files:
        place = (root / name.lstrip("/")).resolve()
        if not place.is_relative_to(root):
            raise InvalidError(f"spec.valuesFiles {name!r} leads out of the source")
        if not place.is_file():
            if ignore_missing:
                continue
            raise NotFoundError(f"spec.valuesFiles {name!r} is not there")
        values = merged(values, read_values(place.read_text(), name))
        used.append(name)
    if used:
        (chart.folder / "values.yaml").write_text(json.dumps(values))
    return chart, used


def _no_links(folder: Path) -> None:
    root = folder.resolve()
    for one in folder.rglob("*"):
        if one.is_symlink() and not one.resolve().is_relative_to(root):
            raise InvalidError(f"the chart has a link that leads out of it: {one.relative_to(folder)}")
