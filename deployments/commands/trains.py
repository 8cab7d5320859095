"""Commands about trains: services that are released together."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path

from cyclopts import App
from rich import box
from rich.markup import escape
from rich.table import Table

from deployments import wiring
from deployments.commands.terminal import Home, app, errors, leave, out, settings_with
from deployments.settings import Settings
from deployments.tools import replay
from deployments.tools import trains as tool
from sluice.errors import InvalidError
from sluice.manifests.own.train import Train
from sluice.trains.plan import Plan, mermaid

trains = App(name="trains", help="Services that are released together: plans, departures, and how far they are.")
app.command(trains)


@trains.default
@trains.command(name="status")
def status_command(name: str = "", *, home: Home = None) -> None:
    """Show all trains; of one, how far each of its services is.

    Parameters
    ----------
    name:
        A Train, namespace/name; without it all that are looked after.
    """
    settings = settings_with(home)
    if name:
        _show(asyncio.run(_planned(settings, name)))
        return
    found = asyncio.run(_listed(settings))
    _print(tool.HEAD, tool.lines(found))
    if not found:
        out.print("there is no Train: docs/trains.md has one to begin with")


@trains.command(name="plan")
def plan_command(name: str, *, picture: Path | None = None, home: Home = None) -> None:
    """Show what a departure would do now: levels, who boards with which version, who stays and why.

    Exit codes: 0 it could depart, 1 something keeps it from departing.

    Parameters
    ----------
    name:
        Of the Train, namespace/name.
    picture:
        File for the same as a Mermaid diagram, for a pull request or https://mermaid.live.
    """
    found = asyncio.run(_planned(settings_with(home), name))
    _show(found)
    if picture:
        replay.write("--picture", picture, mermaid(found))
    leave(int(bool(found.wrong)))


@trains.command(name="depart")
def depart_command(name: str, *, reason: str, home: Home = None) -> None:
    """Let a train depart now, whatever its timetable says.

    Parameters
    ----------
    name:
        Of the Train, namespace/name.
    reason:
        Why, for those who read of it later.
    """
    if not reason.strip():
        raise InvalidError("--reason is empty: write why it departs by hand")
    train = asyncio.run(_departed(settings_with(home), name, reason.strip()))
    out.print(f"{escape(str(train))} departs; `sluice trains status {escape(name)}` shows how far it is")


async def _listed(settings: Settings) -> list[Train]:
    async with wiring.looking(settings) as wired:
        return await tool.all_trains(wired, settings.namespaces or (None,))


async def _planned(settings: Settings, name: str) -> Plan:
    async with wiring.looking(settings) as wired:
        return await tool.planned(wired, name)


async def _departed(settings: Settings, name: str, reason: str) -> Train:
    async with wiring.looking(settings) as wired:
        return await tool.depart(wired, name, getpass.getuser(), reason)


def _show(found: Plan) -> None:
    out.print(escape(found.says), soft_wrap=True)
    _print(tool.PLAN_HEAD, tool.plan_lines(found))
    for wrong in found.wrong:
        errors.print(f"[red]does not depart[/] {escape(wrong)}", soft_wrap=True)


def _print(head: tuple[str, ...], lines: tool.Lines) -> None:
    shown = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False)
    for line in lines:
        shown.add_row(*(escape(cell) for cell in line))
    # What reads it is often no terminal: then no line is folded.
    out.print(shown, soft_wrap=not out.is_terminal, width=None if out.is_terminal else 400)
