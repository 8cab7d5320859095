"""Commands about feature flags."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from pathlib import Path

from cyclopts import App
from rich.markup import escape

from deployments import wiring
from deployments.commands.terminal import Home, app, errors, leave, out, settings_with, table
from deployments.settings import Settings
from deployments.tools import flags as tool
from deployments.tools import replay
from sluice.errors import InvalidError
from sluice.flags.audit.finished import Finished
from sluice.flags.audit.sarif import sarif
from tasks.flags.auditing.ground import now
from tasks.rollout.kill_switch.restore import Restored, restore

flags = App(
    name="flags", help="Feature flags: what audits found, an audit here and now, and what the kill switch turned off."
)
app.command(flags)


@flags.default
def list_command(name: str = "", *, home: Home = None) -> None:
    """Show what the last audits found, as their FlagAudits remember it.

    Parameters
    ----------
    name:
        A FlagAudit, namespace/name; without it all that are looked after.
    """
    asyncio.run(_listed(settings_with(home), name))


@flags.command(name="audit")
def audit_command(
    name: str, *, days: int | None = None, sarif_file: Path | None = None, repository: str = "", home: Home = None
) -> None:
    """Audit the flags of a FlagAudit here and now, and show what is found. Nothing is proposed, turned or written down.

    Exit codes: 0 nothing to clean up, 1 something, 2 not everything could be looked at.

    Parameters
    ----------
    name:
        Of the FlagAudit, namespace/name.
    days:
        For how long a flag has to be in one state to count as done; as the FlagAudit says where not given.
    sarif_file:
        File for the findings as SARIF 2.1.0, for code scanning.
    repository:
        Only this repository's findings in that file, by its name in the audit: code scanning takes 20 at most.
    """
    finished = asyncio.run(_audited(settings_with(home), name, days))
    table(tool.WHERE, tool.found(finished))
    for trouble in finished.troubles:
        errors.print(f"[red]not looked at[/] {escape(trouble)}", soft_wrap=True)
    if sarif_file:
        only = [repository] if repository else None
        replay.write("--sarif-file", sarif_file, json.dumps(sarif(finished, version("sluice"), only), indent=1) + "\n")
    leave(2 if finished.troubles else int(bool(finished.stale)))


@flags.command(name="restore")
def restore_command(service: str, *, anyway: bool = False, home: Home = None) -> None:
    """Give flags back that the kill switch of a service turned off. Exit codes: 0 all are back, 1 some are not.

    A flag that somebody else has changed since is left as it is.

    Parameters
    ----------
    service:
        The Canary, NAME.NAMESPACE.
    anyway:
        Give a flag back although somebody else changed it since, or may have.
    """
    name, dot, namespace = service.rpartition(".")
    if not dot or not name or not namespace:
        raise InvalidError(f"{service!r} names no Canary: write NAME.NAMESPACE, such as shop.test")
    found = asyncio.run(_restored(settings_with(home), namespace, name, anyway=anyway))
    for one in found:
        out.print(f"[bold]{escape(one.key)}[/] {escape(one.said)}", soft_wrap=True)
    if not found:
        out.print(f"nothing to do: no flag is off by the kill switch of {escape(service)}")
    leave(int(any(one.kept for one in found)))


async def _restored(settings: Settings, namespace: str, name: str, *, anyway: bool) -> list[Restored]:
    async with wiring.acting(settings):
        return await restore(namespace, name, anyway=anyway)


async def _listed(settings: Settings, name: str) -> None:
    async with wiring.looking(settings) as wired:
        asked = await tool.audits(wired, name, settings.namespaces or (None,))
    for one in asked:
        out.print(
            f"[bold]{escape(f'{one.namespace}/{one.name}')}[/] {escape(one.status.last_audit or 'not audited yet')}"
        )
        table(tool.HEAD, tool.remembered(one, now()))
    if not asked:
        out.print("there is no FlagAudit: docs/flags.md has one to begin with")


async def _audited(settings: Settings, name: str, days: int | None) -> Finished:
    async with wiring.looking(settings) as wired:
        (one,) = await tool.audits(wired, name, ())
        return await tool.audited(one, days)
