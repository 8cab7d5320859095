"""Removing: what becomes of the removals of an audit: closed, merged, proposed, and the flag archived at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from blocks.connections import connections
from sluice.errors import SluiceError
from sluice.flags.audit.finished import Finished, Row
from sluice.manifests.own.flag_audit import FlagAudit, ProposedRemoval
from tasks.flags.auditing.ground import flag_audit
from tasks.flags.auditing.looking.gather import Gathered
from tasks.flags.auditing.looking.scan import Scanned
from tasks.flags.auditing.removals.archive import archive
from tasks.flags.auditing.removals.propose import propose
from tasks.flags.auditing.removals.withdraw import gone, note_removed, why_not, withdraw
from tasks.flags.auditing.state import forget


@dataclass(slots=True)
class Removed:
    """What was done.

    Attributes:
        removals: as they are now.
        opened: addresses of pull requests that are new.
        archived: flags that left the service.
        troubles: what could not be done.
    """

    removals: tuple[ProposedRemoval, ...] = ()
    opened: tuple[str, ...] = ()
    archived: tuple[str, ...] = ()
    troubles: list[str] = field(default_factory=list)


async def removed(audit: FlagAudit, seen: Gathered, finished: Finished, *, propose: bool) -> Removed:
    """Bring all removals to what was seen. Where the service could not be asked, nothing is done.

    Args:
        audit: which.
        seen: what was looked at.
        finished: the same for people, with the flags that were asked for.
        propose: whether new ones are proposed.
    """
    done = Removed()
    if seen.flags is None:
        done.removals = audit.status.removals
        return done
    for one in audit.status.removals:
        await _follow(audit, seen, one, done)
    if propose:
        await _propose(audit, seen, finished, done)
    now = await flag_audit(connections(), audit.name, audit.namespace)
    if audit.spec.archive and seen.whole:
        await _archive(now, seen, done)
        now = await flag_audit(connections(), audit.name, audit.namespace)
    done.removals = now.status.removals
    return done


async def _follow(audit: FlagAudit, seen: Gathered, removal: ProposedRemoval, done: Removed) -> None:
    """Close one that is not right any more, or note that it is merged."""
    who, row = (audit.name, audit.namespace), next((one for one in seen.rows if one.flag == removal.flag), None)
    values = {
        name: state.served.everybody
        for flag in seen.flags or ()
        if flag.key == removal.flag
        for name, state in flag.environments.items()
    }
    try:
        if commit := gone(removal, seen.scans):
            await note_removed(*who, removal, commit)
        elif removal.state == "removed":
            if _read(removal, seen.scans):  # somebody has brought it back
                await forget(connections(), *who, [removal])
        elif (why := why_not(removal, row, values)) and (trouble := await withdraw(*who, removal, why)):
            done.troubles.append(trouble)
    except SluiceError as error:
        done.troubles.append(f"{removal.repository or removal.url}: {removal.flag}: {error}")


async def _propose(audit: FlagAudit, seen: Gathered, finished: Finished, done: Removed) -> None:
    """Bring up to date what is proposed, and propose as much more as may be open at once, the oldest first."""
    now = await flag_audit(connections(), audit.name, audit.namespace)
    known = {(one.flag, one.url) for one in now.status.removals}
    room = audit.spec.most_open - sum(one.state in {"open", "kept"} for one in now.status.removals)
    oldest = sorted(
        (row for row in finished.rows if row.removable), key=lambda row: (row.since or finished.at, row.flag)
    )
    wanted: dict[str, list[Row]] = {}
    for row in oldest:
        for scan in seen.scans:
            if not any(place.repository == scan.repository for place in row.places):
                continue
            if (row.flag, scan.url) not in known:
                if room <= 0:
                    continue
                room -= 1
            wanted.setdefault(scan.repository, []).append(row)
    for scan in seen.scans:
        if scan.repository not in wanted:
            continue
        try:
            made = await propose(
                audit.name, audit.namespace, scan.repository, scan, tuple(wanted[scan.repository]), finished
            )
        except SluiceError as error:
            done.troubles.append(f"{scan.repository}: no removal is proposed: {error}")
            continue
        done.opened += made.opened
        done.troubles += made.troubles


async def _archive(audit: FlagAudit, seen: Gathered, done: Removed) -> None:
    """Archive what no code asks for any more, where its removal is known and no place might ask for it unseen."""
    composed = any(not one.sure for scan in seen.scans for one in scan.references)
    ready = {one.flag for one in audit.status.removals if one.state == "removed"}
    for row in seen.rows:
        if row.flag not in ready or row.finding != "unknown-in-code":
            continue
        if composed:
            done.troubles.append(
                f"{row.flag} is not archived: a place puts a key together at run time and may ask for it"
            )
            continue
        if why := await archive(audit.name, audit.namespace, row.flag):
            done.troubles.append(f"not archived yet: {why}")
        else:
            done.archived += (row.flag,)


def _read(removal: ProposedRemoval, scans: Sequence[Scanned]) -> bool:
    return any((one.url, one.branch) == (removal.url, removal.into) for one in scans)
