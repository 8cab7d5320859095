"""Commands about the audit trail."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from cyclopts import App

from deployments import wiring
from deployments.commands.terminal import Home, app, errors, settings_with
from deployments.settings import Settings
from deployments.tools import audit as tool
from sluice.audit.lines import line
from sluice.errors import InvalidError

audit = App(name="audit", help="The audit trail: who did what to a release, or let it through, when and why.")
app.command(audit)


@audit.command(name="export")
def export_command(
    *,
    since: str = "",
    until: str = "",
    canary: str = "",
    namespace: str = "",
    to: Path | None = None,
    forget_after: int | None = None,
    home: Home = None,
) -> None:
    """Write the audit trail as JSON lines, oldest first.

    Parameters
    ----------
    since:
        Only records from then on: 2026-11-28, or 2026-11-28T10:00:00Z.
    until:
        Only records before then.
    canary:
        Only records about this Canary: name, or namespace/name.
    namespace:
        Only records of this namespace; without it all that are looked after.
    to:
        File for the lines; standard output where not given.
    forget_after:
        Days after which records are deleted from the cluster, once they are in the file of --to.
    """
    if forget_after is not None and (to is None or forget_after < 1):
        raise InvalidError("--forget-after needs days, and --to FILE: records are deleted only once they are in a file")
    asked = tool.Asked(since, until, canary, namespace).checked()
    asyncio.run(_exported(settings_with(home), asked, to, forget_after))


async def _exported(settings: Settings, asked: tool.Asked, to: Path | None, forget_after: int | None) -> None:
    async with wiring.cluster_of(settings) as cluster:
        records = await tool.exported(cluster, asked)
        if to is None:
            for one in records:
                sys.stdout.write(f"{line(one)}\n")
            return
        count = tool.write(to, records)
        errors.print(f"{count} records in {to}", soft_wrap=True, markup=False)
        if forget_after is not None:
            gone = await tool.forget(cluster, records, forget_after, datetime.now(UTC))
            errors.print(f"{gone} of them, older than {forget_after} days, deleted from the cluster", markup=False)
