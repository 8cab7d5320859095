"""Extensions: rows that installed packages add to sluice's tables, by entry points (packaging.python.org, "entry points").

A package names the group and the object in its `pyproject.toml`; installed next to sluice, it adds the row:

    [project.entry-points."sluice.senders"]
    acme = "acme_sluice:SENDER"

The entry point's name is the row's key, what it points at is the row. A package that cannot be loaded stops the start and is
named: a row that is silently left out may be one that somebody counts on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from sluice.errors import TerminalError

Row = TypeVar("Row")


def load(
    group: str,
    table: Mapping[str, Row],
    *,
    fits: Callable[[str, object], bool] = lambda name, row: True,
    found: Iterable[EntryPoint] | None = None,
) -> dict[str, Row]:
    """The table with the rows that installed packages add to it.

    Args:
        group: of the entry points, such as `sluice.senders`.
        table: sluice's own rows, which nobody replaces.
        fits: whether an object is a row of this table under this name.
        found: the entry points; those of all installed packages where not given.

    Raises:
        TerminalError: an entry point cannot be imported, is no such row, or has a name that is used already. The message
            names the packages and the way out.
    """
    rows = dict(table)
    owners = dict.fromkeys(table, "sluice itself")
    for point in sorted(entry_points(group=group) if found is None else found, key=lambda point: point.name):
        who = _package(point)
        if point.name in rows:
            raise TerminalError(
                f"{group} {point.name!r} of {who} is there already, from {owners[point.name]}: uninstall one of them, "
                "or give its entry point another name"
            )
        rows[point.name], owners[point.name] = _row(group, point, who, fits), who
    return rows


def _row(group: str, point: EntryPoint, who: str, fits: Callable[[str, object], bool]) -> Any:
    try:
        row = point.load()
    except Exception as error:  # whatever a stranger's module raises when it is imported
        raise TerminalError(
            f"{group} {point.name!r} of {who} cannot be imported from {point.value}: {error!r}: "
            "mend the package or uninstall it"
        ) from error
    if not fits(point.name, row):
        raise TerminalError(
            f"{group} {point.name!r} of {who}: {point.value} is not what this table holds, or has another name: "
            "see docs/extend"
        )
    return row


def _package(point: EntryPoint) -> str:
    return f"package {point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
