"""update_git: git does not hold what the image policies want; bring it there."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended
from sluice.errors import TerminalError
from tasks.images.writing.announce import announce
from tasks.images.writing.bring_git import bring_git
from tasks.upkeep.post_events import post_events


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"update_git {asked.get('automation')}.{asked.get('namespace')}"


@flow(name="update_git", flow_run_name=_run_name, persist_result=False)
async def update_git(namespace: str, automation: str) -> State[str]:
    """Bring the repository of one ImageUpdateAutomation to what its image policies chose.

    Args:
        namespace: of the automation.
        automation: its name.

    Returns:
        What became of it: written with the commits, unchanged, or ignored with the reason.
    """
    written = await bring_git(namespace, automation)
    if not written:
        return ended("ignored", f"ImageUpdateAutomation {namespace}/{automation} is gone, suspended or left to Flux")
    await post_events([one.event for one in written if one.event and one.files])
    for one in written:
        if one.rolled_back:
            await announce(one)
    commits = "; ".join(
        f"{one.event.commit[:12]} changed {', '.join(one.files)}" for one in written if one.files and one.event
    )
    faults = [one.fault for one in written if one.fault]
    if faults:
        raise TerminalError("; ".join([*([f"written: {commits}"] if commits else []), *faults]))
    return ended("written", commits) if commits else ended("unchanged", "git had it already")
