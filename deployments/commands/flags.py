"""Commands about feature flags."""

from __future__ import annotations

import asyncio

from cyclopts import App
from rich.markup import escape

from deployments import wiring
from deployments.commands.terminal import Home, app, leave, out, settings_with
from deployments.settings import Settings
from sluice.errors import InvalidError
from tasks.rollout.kill_switch.restore import Restored, restore

flags = App(name="flags", help="Feature flags: what releases have switched off, and what of them is left in code.")
app.command(flags)


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
