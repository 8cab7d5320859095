"""An audit as people read it: the table of all flags, and for chat a summary by owner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sluice.flags.audit.findings.table import FINDINGS
from sluice.flags.audit.finished import Finished, Row
from sluice.manifests.own.flag_audit import ProposedRemoval
from sluice.notices.message import Message, Occasion, Severity

NOBODY = "no owner"
MOST_OWNERS, MOST_FLAGS = 10, 8
"""That a chat message names; the table has the others."""
_PLACES = 3


def table(finished: Finished) -> list[dict[str, Any]]:
    """One row for each flag, those that matter first."""
    order = {one.name: at for at, one in enumerate(FINDINGS)}
    sorted_rows = sorted(finished.rows, key=lambda row: (order[row.finding], -(row.days(finished.at) or 0), row.flag))
    by_flag: dict[str, list[ProposedRemoval]] = {}
    for one in finished.removals:
        by_flag.setdefault(one.flag, []).append(one)
    return [_cells(row, finished, by_flag.get(row.flag, [])) for row in sorted_rows]


def _cells(row: Row, finished: Finished, removals: list[ProposedRemoval]) -> dict[str, Any]:
    days = row.days(finished.at)
    places = [str(place) for place in row.places]
    more = f" and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
    return {
        "flag": row.flag,
        "finding": row.finding,
        "serves": "; ".join(f"{name}: {state.serves}" for name, state in row.states.items()) or "–",
        "days": "" if days is None else f"{days}{' (first seen)' if row.said_by == 'audit' else ''}",
        "owners": ", ".join(row.owners) or "–",
        "places": len(places),
        "where": ", ".join(places[:_PLACES]) + more,
        "pull request": ", ".join(f"{one.address or one.branch} ({one.state})" for one in removals),
        "why": row.why,
    }


def counts(finished: Finished) -> dict[str, int]:
    """How many flags each finding has, of those that have any."""
    found = [row.finding for row in finished.rows]
    return {one.name: found.count(one.name) for one in FINDINGS if one.name in found}


def message(finished: Finished, opened: Iterable[str] = ()) -> Message | None:
    """What a channel gets of an audit; None where there is nothing to do and nothing to say.

    Args:
        finished: the audit.
        opened: addresses of pull requests that it opened.
    """
    stale, new = finished.stale, list(opened)
    if not (stale or finished.troubles or finished.archived or new):
        return None
    by_owner: dict[str, list[Row]] = {}
    for row in stale:
        for owner in row.owners or (NOBODY,):
            by_owner.setdefault(owner, []).append(row)
    busiest = sorted(by_owner.items(), key=lambda one: (one[0] == NOBODY, -len(one[1]), one[0]))
    facts = {owner: _flags(rows, finished) for owner, rows in busiest[:MOST_OWNERS]}
    said = ", ".join(f"{number} {name.replace('-', ' ')}" for name, number in counts(finished).items())
    parts = [f"{len(finished.rows)} flags: {said}" if finished.rows else "no flags"]
    if len(busiest) > MOST_OWNERS:
        parts.append(f"{len(busiest) - MOST_OWNERS} more owners are in the table")
    if new:
        parts.append(f"opened {', '.join(new)}")
    if finished.archived:
        parts.append(f"archived {', '.join(finished.archived)}, whose removal is deployed everywhere")
    parts += list(finished.troubles)
    return Message(
        severity=Severity.WARN if finished.troubles else Severity.INFO,
        occasion=Occasion.AUDITED,
        subject=finished.audit,
        version=f"{len(stale)} to clean up",
        reason="; ".join(parts),
        facts=facts,
    )


def _flags(rows: list[Row], finished: Finished) -> str:
    oldest = sorted(rows, key=lambda row: (-(row.days(finished.at) or 0), row.flag))
    lines = [_flag(row, finished) for row in oldest[:MOST_FLAGS]]
    more = [f"and {len(rows) - MOST_FLAGS} more"] if len(rows) > MOST_FLAGS else []
    return ", ".join([*lines, *more])


def _flag(row: Row, finished: Finished) -> str:
    days = row.days(finished.at)
    return f"{row.flag} ({row.finding.replace('-', ' ')}{'' if days is None else f', {days} d'})"
