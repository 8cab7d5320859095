"""audit_flags: which flags are done, whose they are, and the pull requests that remove them. Weekly, or by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended, refused
from sluice.errors import NotFoundError, SluiceError, TerminalError
from sluice.flags.audit.finished import Finished
from sluice.flags.audit.summary import message
from sluice.manifests.own.flag_audit import FlagAudit
from tasks.flags.auditing.looking.gather import find_audits, gathered, read_audit
from tasks.flags.auditing.looking.scan import Scanned
from tasks.flags.auditing.removals.follow import removed
from tasks.flags.auditing.report import report, said, write_down
from tasks.flags.auditing.show_findings import show_findings
from tasks.flags.auditing.state import claimed
from tasks.people.say import say


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"audit_flags {asked.get('name') or 'all'}.{asked.get('namespace') or 'all'}"


@flow(name="audit_flags", flow_run_name=_run_name, persist_result=False)
async def audit_flags(
    name: str = "",
    namespace: str = "",
    only: tuple[str, ...] = (),
    open_pull_requests: bool | None = None,
    days: int | None = None,
) -> State[str]:
    """Audit the flags of one FlagAudit, or of all.

    Args:
        name: of the FlagAudit; empty for all.
        namespace: of it; empty for all namespaces that are looked after.
        only: keys of flags that are shown and proposed; empty for all.
        open_pull_requests: whether removals are proposed; as the FlagAudit says where it is not given.
        days: for how long a flag has to be in one state to count as done; as the FlagAudit says where it is not given.

    Returns:
        What was found, in a sentence.
    """
    if bool(name) and not namespace:
        raise TerminalError("name the FlagAudit's namespace too, or neither of the two for all")
    audits = [(name, namespace)] if name else await find_audits(namespace)
    lines: list[str] = []
    faults: list[str] = []
    for one, space in audits:
        try:
            if await read_audit(one, space) is None:
                lines.append(f"{space}/{one} is suspended")
                continue
            async with claimed(one, space, str(flow_run.id or uuid4())):
                # Another run had it until now, and what it did is in the status.
                audit = await read_audit(one, space)
                if audit is not None:
                    lines.append(f"{space}/{one}: {await _audited(audit, only, open_pull_requests, days)}")
        except NotFoundError as error:
            faults.append(str(error))
        except SluiceError as error:
            faults.append(f"{space}/{one}: {error}")
    if faults:
        return refused("incomplete", "; ".join([*faults, *lines]))
    return ended("audited", "; ".join(lines)) if lines else ended("ignored", "there is no FlagAudit")


async def _shown(audit: FlagAudit, scan: Scanned, finished: Finished) -> str:
    return await show_findings(audit.name, audit.namespace, scan.repository, scan.commit, finished)


async def _audited(audit: FlagAudit, only: Sequence[str], open_pull_requests: bool | None, days: int | None) -> str:
    """Audit one, and what was found in a sentence.

    Raises:
        TerminalError: something could not be looked at; all else was, and is reported.
    """
    wish = open_pull_requests if open_pull_requests is not None else audit.spec.open_pull_requests
    seen = await gathered(audit, days)
    wanted = frozenset(only)
    finished = Finished(
        audit=f"{audit.namespace}/{audit.name}",
        at=seen.at,
        rows=tuple(row for row in seen.rows if not wanted or row.flag in wanted),
        troubles=seen.troubles,
    )
    done = await removed(audit, seen, finished, propose=wish)
    finished = finished.model_copy(
        update={"removals": done.removals, "troubles": (*finished.troubles, *done.troubles), "archived": done.archived}
    )
    # Of some flags alone nothing is shown: it would close what was found of the others.
    if audit.spec.code_scanning and not wanted and seen.flags is not None:
        shown = [await _shown(audit, scan, finished) for scan in seen.scans if scan.commit]
        finished = finished.model_copy(update={"troubles": (*finished.troubles, *filter(None, shown))})
    await report(finished)
    whole = None if seen.flags is None else seen.rows
    await write_down(audit.name, audit.namespace, whole, finished.troubles, said(finished))
    news = message(finished, done.opened)
    if news is not None:
        await say(news)
    if finished.troubles:
        raise TerminalError(f"{said(finished)}; {'; '.join(finished.troubles)}")
    return said(finished)
