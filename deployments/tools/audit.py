"""The audit trail as JSON lines, page by page out of the cluster; and old records taken away once they are in a file."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import AUDIT_RECORD
from sluice.audit.lines import in_order, line, wanted
from sluice.errors import ConflictError, InvalidError, NotFoundError, TerminalError
from sluice.manifests.own.audit_record import AuditRecord

TRIES = 3
"""Lists that are begun anew where the cluster does not know the rest of one any more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which records are asked for.

    Attributes:
        since, until: RFC 3339 in UTC, or the beginning of it, such as a day.
        canary: `name` or `namespace/name`.
        namespace: empty for all that are looked after.
    """

    since: str = ""
    until: str = ""
    canary: str = ""
    namespace: str = ""

    def checked(self) -> Asked:
        """It, where its times are times.

        Raises:
            InvalidError: names the option.
        """
        for option, value in (("--since", self.since), ("--until", self.until)):
            try:
                if value:
                    datetime.fromisoformat(value.removesuffix("Z"))
            except ValueError as error:
                raise InvalidError(
                    f"{option} {value!r} is no time: write 2026-11-28, or 2026-11-28T10:00:00Z"
                ) from error
        return self


async def exported(cluster: Cluster, asked: Asked) -> list[AuditRecord]:
    """The records, in order.

    Raises:
        TerminalError: the cluster has no such kind.
        ConflictError: there are so many that the cluster forgot the list before its end, several times.
    """
    namespace = asked.namespace or (asked.canary.partition("/")[0] if "/" in asked.canary else "")
    for last in (False,) * (TRIES - 1) + (True,):
        found: list[AuditRecord] = []
        try:
            async for page in cluster.pages(AUDIT_RECORD, namespace or None):
                records = AuditRecord.valid(page)
                found += [one for one in records if wanted(one, asked.since, asked.until, asked.canary)]
        except NotFoundError as error:
            raise TerminalError("the cluster has no AuditRecords: apply `sluice crds`") from error
        except ConflictError:
            if last:
                raise
        else:
            return in_order(found)
    return []


def write(path: Path, records: Iterable[AuditRecord]) -> int:
    """Write the lines into a file, whole or not at all; how many there are. On disk when this returns.

    Raises:
        InvalidError: it cannot be written.
    """
    part, count = path.with_name(f".{path.name}.part"), 0
    try:
        with part.open("w", encoding="utf-8") as file:
            for one in records:
                file.write(f"{line(one)}\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise InvalidError(f"--to {path} cannot be written: {error.strerror}") from error
    return count


async def forget(cluster: Cluster, records: Iterable[AuditRecord], days: int, now: datetime) -> int:
    """Take those away that are older than so many days; how many that were. By the rights of who runs the command.

    Raises:
        SluiceError: the cluster refuses, or does not answer.
    """
    limit, gone = (now.astimezone(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ"), 0
    for one in records:
        if one.made and one.made < limit:
            await cluster.delete(AUDIT_RECORD, one.name, one.namespace)
            gone += 1
    return gone
