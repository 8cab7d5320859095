"""Own: whose the places of a flag are: by CODEOWNERS, and where that names nobody by who wrote the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from blocks.connections import connections
from blocks.git.branches.history import authors, with_history
from sluice.flags.audit.findings.table import BY_NAME
from sluice.flags.audit.finished import At, Row, owned
from sluice.flags.audit.owners import owners
from tasks.flags.auditing.ground import flag_audit, repository
from tasks.flags.auditing.looking.scan import Scanned
from tasks.stage import stage


def by_files(rows: Iterable[Row], scans: Iterable[Scanned]) -> tuple[Row, ...]:
    """The rows with the owners that CODEOWNERS names."""
    files = {scan.repository: owners(scan.owners) for scan in scans}

    def whose(place: At) -> tuple[str, ...]:
        return files[place.repository].of(place.path) if place.repository in files else ()

    return tuple(owned(row, whose) for row in rows)


def nobodys(rows: Iterable[Row], repository_name: str) -> tuple[tuple[str, int], ...]:
    """The places of a repository that matter and are nobody's, as path and line."""
    return tuple(
        (place.path, place.line)
        for row in rows
        if BY_NAME[row.finding].level != "none"
        for place in row.places
        if place.repository == repository_name and not place.owners
    )


@stage("look who wrote it", run_name="look who wrote it: {repository_name}", delays=[1.0, 4.0])
async def own(
    name: str, namespace: str, repository_name: str, commit: str, places: tuple[tuple[str, int], ...]
) -> dict[tuple[str, int], str]:
    """Who wrote each of these lines last, by name.

    Raises:
        the errors of `scan`.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    where = await repository(wired, audit, repository_name)
    async with wired.git.hold(where.remote) as mirror:
        await with_history(mirror, where.branch)
        return await authors(mirror, commit, places)


def by_lines(rows: Iterable[Row], wrote: Mapping[str, Mapping[tuple[str, int], str]]) -> tuple[Row, ...]:
    """The rows with who wrote the lines that were nobody's."""

    def whose(place: At) -> tuple[str, ...]:
        author = wrote.get(place.repository, {}).get((place.path, place.line))
        return place.owners or ((author,) if author else ())

    return tuple(owned(row, whose) for row in rows)
