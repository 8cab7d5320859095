"""Report: say on the Canary and in chat that its runs fail, once for each cause. What fails again is counted."""

from __future__ import annotations

import time
from typing import Any

from blocks.connections import connections
from blocks.kubernetes.kinds import CANARY
from sluice.errors import NotFoundError
from sluice.notices.message import Occasion
from sluice.rollout.journal import timestamp
from sluice.rollout.safety.stalled import stalled
from tasks.people.notify import notify
from tasks.scene.rollout_ref import RolloutRef, writer_of
from tasks.stage import stage


@stage("report", run_name="report: {ref} does not go on", delays=[1.0])
async def report(ref: RolloutRef, reason: str) -> bool:
    """Write the condition `Stalled` and post a message where the cause is a new one; False where there is no Canary.

    The Canary need not be valid: that may be the very cause.
    """
    wired, new = connections(), False

    def wish(now: dict[str, Any]) -> dict[str, Any]:
        nonlocal new
        before = (now.get("status") or {}).get("conditions") or []
        conditions, new = stalled(before, reason, timestamp(time.time()))
        return {"status": {"conditions": conditions}}

    try:
        await wired.informers.fresh(CANARY, ref.name, ref.namespace)
        await writer_of(wired).change(CANARY, ref.name, ref.namespace, wish, subresource="status")
    except NotFoundError:
        return False
    if new:
        await notify.fn(ref, Occasion.STALLED, reason)
    return True
