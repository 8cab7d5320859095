"""What audits found of flags, for `sluice flags`: as they remember it, or by an audit here and now that changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from blocks.connections import Connections
from blocks.kubernetes.kinds import FLAG_AUDIT
from sluice.errors import InvalidError, NotFoundError
from sluice.flags.audit.findings.table import FINDINGS
from sluice.flags.audit.finished import DAY, Finished
from sluice.flags.audit.record import moment
from sluice.flags.audit.summary import table
from sluice.manifests.own.flag_audit import FlagAudit, SeenFlag
from tasks.flags.auditing.looking.gather import gathered, here

Lines = list[tuple[str, ...]]
HEAD = ("FLAG", "FINDING", "SERVES", "DAYS", "OWNERS", "PLACES", "PULL REQUEST")
WHERE = ("FLAG", "FINDING", "SERVES", "DAYS", "OWNERS", "WHERE", "WHY")
_ORDER = {one.name: at for at, one in enumerate(FINDINGS)}


async def audits(wired: Connections, name: str, namespaces: Iterable[str | None]) -> list[FlagAudit]:
    """The audits that are asked for.

    Args:
        wired: to the cluster.
        name: `namespace/name`; empty for all.
        namespaces: that are looked after; None for all.

    Raises:
        InvalidError: the name is none.
        NotFoundError: there is no such audit.
    """
    if not name:
        found = [one for namespace in namespaces for one in await wired.cluster.list(FLAG_AUDIT, namespace)]
        return FlagAudit.valid(found)
    namespace, slash, short = name.partition("/")
    if not (namespace and slash and short) or "/" in short:
        raise InvalidError(f"{name!r} names no FlagAudit: write namespace/name, such as team/weekly")
    there = await wired.cluster.find(FLAG_AUDIT, short, namespace)
    if there is None:
        raise NotFoundError(f"there is no FlagAudit {name}: `kubectl get flagaudits -A` lists them")
    return [FlagAudit.parse(there)]


def remembered(audit: FlagAudit, now: datetime) -> Lines:
    """What the last audit found, those first that matter."""
    pulls: dict[str, list[str]] = {}
    for one in audit.status.removals:
        pulls.setdefault(one.flag, []).append(f"{one.address or one.branch} ({one.state})")
    rows = sorted(audit.status.flags, key=lambda one: (_ORDER.get(one.finding, len(_ORDER)), one.since or "~", one.key))
    return [
        (
            one.key,
            one.finding,
            "; ".join(f"{name}: {state.serves}" for name, state in one.environments.items()),
            _days(one, now),
            ", ".join(one.owners),
            str(one.places),
            ", ".join(pulls.get(one.key, [])),
        )
        for one in rows
    ]


def _days(one: SeenFlag, now: datetime) -> str:
    since = moment(one.since)
    return (
        "" if since is None else f"{max(0, (now - since) // DAY)}{'' if one.said_by == 'service' else ' (first seen)'}"
    )


async def audited(audit: FlagAudit, days: int | None) -> Finished:
    """An audit here and now. Neither git nor the service nor the FlagAudit is written to."""
    seen = await gathered(audit, days, here())
    return Finished(
        audit=f"{audit.namespace}/{audit.name}",
        at=seen.at,
        rows=seen.rows,
        troubles=seen.troubles,
        removals=audit.status.removals,
    )


def found(finished: Finished) -> Lines:
    """What it found."""
    names = ("flag", "finding", "serves", "days", "owners", "where", "why")
    return [tuple(str(row[name]) for name in names) for row in table(finished)]
