"""Announce: tell people that git goes back to what runs, and how to let the version in again."""

from __future__ import annotations

from blocks.connections import connections
from sluice.images.quarantine import RELEASE
from sluice.notices.message import Message, Occasion, Severity
from tasks.images.writing.write import Written
from tasks.stage import stage


@stage("announce", run_name="announce: git goes back", delays=[1.0])
async def announce(written: Written) -> bool:
    """Post to the channel; False where this installation has none."""
    chat = connections().chat
    if chat is None:
        return False
    where = written.proposal or (f"commit {written.event.commit[:12]} on {written.event.ref}" if written.event else "")
    await chat.say(
        Message(
            severity=Severity.WARN,
            occasion=Occasion.KEPT_OUT,
            subject=written.automation,
            version=", ".join(written.rolled_back),
            reason=f"git goes back to what runs, by {where}; to let it in again: "
            f"kubectl annotate imagepolicy NAME {RELEASE}=TAG",
        )
    )
    return True
