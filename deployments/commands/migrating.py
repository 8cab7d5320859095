"""Commands that hand over to sluice what another tool does, and back."""

from __future__ import annotations

import asyncio

from cyclopts import App
from rich.markup import escape

from deployments import wiring
from deployments.commands.terminal import Home, app, out, settings_with
from deployments.settings import Settings
from deployments.tools import migrate

migration = App(name="migrate", help="Hand over to sluice what another tool does, and back.")
app.command(migration)


@migration.command
def flux(namespace: str, *, back: bool = False, dry_run: bool = False, home: Home = None) -> None:
    """Hand the objects of Flux's kinds in a namespace from Flux's controllers to sluice. No pod is touched.

    Parameters
    ----------
    namespace:
        Whose objects.
    back:
        The other way: from sluice to Flux's controllers.
    dry_run:
        Only show what would be done.
    """
    moves = asyncio.run(_moved(settings_with(home), namespace, back=back, dry_run=dry_run))
    whom = "Flux" if back else "sluice"
    for move in moves:
        out.print(f"{'would be' if dry_run else 'is'} {whom}'s: [bold]{escape(str(move))}[/]", soft_wrap=True)
    if not moves:
        out.print(
            f"nothing to do: all of {escape(namespace)} is {whom}'s already, or it has no objects of Flux's kinds"
        )


async def _moved(settings: Settings, namespace: str, *, back: bool, dry_run: bool) -> list[migrate.Move]:
    async with wiring.cluster_of(settings) as cluster:
        return await migrate.migrate(cluster, namespace, back=back, dry_run=dry_run)
