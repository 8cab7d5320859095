"""Withdraw: a removal whose flag moves again, or that is not needed any more, is closed with a word on why."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from blocks.connections import connections
from blocks.git.branches.history import contains, with_history
from blocks.git.branches.proposed import take_away
from blocks.leases.lease import current_lease
from sluice.errors import NotFoundError, SluiceError
from sluice.flags.audit.finished import Row
from sluice.flags.audit.proposal import TRAILER
from sluice.manifests.own.flag_audit import ProposedRemoval
from tasks.flags.auditing.ground import flag_audit, forge_of, repository
from tasks.flags.auditing.looking.scan import Scanned
from tasks.flags.auditing.state import forget, remember
from tasks.stage import stage

COMMENT = "Closed by sluice: {why}. When there is something to remove again, it is a new pull request."


def why_not(removal: ProposedRemoval, row: Row | None, values: Mapping[str, str | None]) -> str:
    """Why a removal is no longer right; empty where it is.

    Args:
        removal: that was proposed.
        row: what is found of its flag now; None where neither service nor code know it.
        values: what everybody gets of it in each environment now.
    """
    if row is None or not row.states:
        return f"the flag service no longer has {removal.flag}"
    moved = sorted(name for name, value in values.items() if value != removal.value)
    if moved:
        shown = "; ".join(f"{name}: {row.states[name].serves}" for name in moved if name in row.states)
        return f"the flag moved again ({shown})"
    return f"{removal.flag} is meant to stay" if row.why == "it is meant to stay" else ""


def gone(removal: ProposedRemoval, scans: Sequence[Scanned]) -> str:
    """The commit at which the code was seen to ask no longer; empty where it does, or was not looked through."""
    scan = next((one for one in scans if (one.url, one.branch) == (removal.url, removal.into) and not one.fault), None)
    if scan is None or any(one.flag == removal.flag for one in scan.references):
        return ""
    return scan.commit


@stage("withdraw", run_name="withdraw: {removal.flag} at {removal.url}", delays=[1.0, 4.0])
async def withdraw(name: str, namespace: str, removal: ProposedRemoval, why: str) -> str:
    """Close the pull request, and take the branch away where no person has a commit on it. Why not; empty where done."""
    wired = connections()
    try:
        audit = await flag_audit(wired, name, namespace)
        where = await repository(wired, audit, removal.repository)
        forge = await forge_of(wired, audit, where)
        current_lease().check()
        await forge.withdraw(where.url, removal.branch, removal.into, COMMENT.format(why=why))
        async with wired.git.hold(where.remote) as mirror:
            await take_away(mirror, removal.branch, f"{TRAILER}:")
    except NotFoundError as error:
        await forget(wired, name, namespace, [removal])
        return f"{removal.address or removal.branch} stays as it is: {error}"
    except SluiceError as error:
        return f"{removal.address or removal.branch} stays open although {why}: {error}"
    await forget(wired, name, namespace, [removal])
    return ""


@stage("note a removal", run_name="note a removal: {removal.flag} at {removal.url}", delays=[1.0, 4.0])
async def note_removed(name: str, namespace: str, removal: ProposedRemoval, commit: str) -> ProposedRemoval:
    """Write down the first commit without the flag, and close what is still open about it.

    Where the branch was rewritten since, that commit is no part of it any more, and the first one that is counts.

    Raises:
        the errors of `scan`, and those of a forge.
    """
    wired = connections()
    audit = await flag_audit(wired, name, namespace)
    where = await repository(wired, audit, removal.repository)
    if removal.state == "removed":
        async with wired.git.hold(where.remote) as mirror:
            await with_history(mirror, where.branch)
            with contextlib.suppress(NotFoundError):
                if await contains(mirror, commit, removal.commit):
                    return removal
    done = removal.model_copy(update={"state": "removed", "commit": commit})
    await remember(wired, name, namespace, done)
    if removal.state != "removed":
        said = COMMENT.format(why=f"the code no longer asks for the flag since {commit[:12]}")
        forge = await forge_of(wired, audit, where)
        await forge.withdraw(where.url, removal.branch, removal.into, said)
    return done
