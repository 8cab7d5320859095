"""The command that compares git with the cluster."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.markup import escape

from deployments import wiring
from deployments.commands.terminal import Home, app, errors, leave, out, settings_with
from deployments.settings import Settings
from deployments.tools.diff import Compared, compared
from sluice.errors import SluiceError

COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@app.command(name="diff")
def diff_command(name: str = "", *, path: Path | None = None, home: Home = None) -> None:
    """Show what a sync would change, without acting. Exit codes: 0 nothing, 1 something, 2 an error.

    Parameters
    ----------
    name:
        A Kustomization, namespace/name; without it all that are looked after.
    path:
        A folder of this machine that is rendered in the place of what git has: what a commit would change.
    """
    try:
        code = asyncio.run(_printed(settings_with(home), name, path))
    except SluiceError as error:
        errors.print(f"[red]error[/] {escape(str(error))}", soft_wrap=True)
        code = 2
    leave(code)


async def _printed(settings: Settings, name: str, path: Path | None) -> int:
    code = 0
    async with wiring.looking(settings) as wired:
        async for one in compared(wired, name, path):
            _print(one)
            code = max(code, one.code)
    return code


def _print(one: Compared) -> None:
    if one.failed:
        errors.print(f"[red]Kustomization {escape(one.name)}[/] {escape(one.failed)}", soft_wrap=True)
    for preview in one.previews:
        if preview.refused:
            errors.print(f"[red]{escape(str(preview.object))}[/] {escape(preview.refused)}", soft_wrap=True)
        for line in preview.lines:
            colour = COLOURS.get(line[:1])
            out.print(f"[{colour}]{escape(line)}[/]" if colour else escape(line), soft_wrap=True)
