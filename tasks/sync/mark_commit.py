"""Mark the commit: what a sync came to, as a status next to it in the forge, where people look at it."""

from __future__ import annotations

from blocks.connections import connections
from blocks.forges.base import CommitStatus, State
from sluice.errors import TerminalError
from tasks.stage import stage


@stage("mark commit", run_name="mark commit {context}", delays=[1.0, 4.0])
async def mark_commit(url: str, commit: str, context: str, success: bool, description: str) -> bool:
    """Set the commit's status; False where this installation has no way into the repository's forge.

    Args:
        url: of the repository, as its source has it.
        commit: that was synced.
        context: who says it, such as `sluice/team/shop`.
        success: whether it was applied.
        description: one sentence.

    Raises:
        TransientError, TerminalError: as the forge's `set_status`. Nothing depends on it: the truth is in the cluster.
    """
    forge = connections().forge
    found = forge(url) if forge else None
    if found is None:
        return False
    if not commit:
        raise TerminalError(f"{context}: there is no commit to set a status of")
    state = State.SUCCESS if success else State.FAILURE
    await found.set_status(url, commit, CommitStatus(context=context, state=state, description=description))
    return True
