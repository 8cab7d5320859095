"""toggle_flag: raise one flag's percentage step by step, and lower it where its users fare badly, without any deploy.

As `roll_out`: look, decide, act. What comes next is `sluice.flags.raising.decide`'s to say, from the journal in the
FlagRollout's status and the flag as its service has it, so that a run that starts in the middle goes on from there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended, refused
from sluice.errors import SluiceError, TerminalError, TransientError, reason_of
from sluice.flags.raising import Act, Decision, Judged, decide
from sluice.flags.raising import refused as refused_by_service
from sluice.manifests.own.flag_rollout import RaisePhase
from tasks.flags.judge_flag import closed_before, judge_flag
from tasks.flags.raise_flag import act_on_flag, announce_flag, look_at_flag, say_trouble
from tasks.flags.rollout_scene import FlagRef, Looked, claimed

PAUSE, GATE_PAUSE = 1.0, 5.0
"""Seconds before looking once more after somebody was faster, and between two questions to a closed first gate."""


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"toggle_flag {asked.get('flag_rollout')}.{asked.get('namespace')}"


@flow(name="toggle_flag", flow_run_name=_run_name, persist_result=False, retries=0)
async def toggle_flag(namespace: str, flag_rollout: str) -> State[str]:
    """Bring a FlagRollout to its end.

    Args:
        namespace: of the FlagRollout.
        flag_rollout: its name.

    Returns:
        How it ended, and why.
    """
    ref = FlagRef(namespace=namespace, name=flag_rollout)
    async with claimed(ref, str(flow_run.id or "local")):
        judged: Judged | None = None
        while True:
            now = await _looked(ref)
            if now is None:
                return ended("deleted", f"FlagRollout {namespace}/{flag_rollout} is gone")
            decision = decide(now.rollout, now.flag, judged, now.now)
            get_run_logger().info("%s: %s %s", ref, decision.act, decision.reason)
            judged = None
            if decision.act is Act.NOTHING:
                return _ended(decision)
            if decision.act is Act.JUDGE:
                judged = await judge_flag(ref, now, decision)
            else:
                await _done(ref, now, decision)


async def _looked(ref: FlagRef) -> Looked | None:
    """What there is to decide by; why there is nothing is said on the FlagRollout before the run fails."""
    try:
        return await look_at_flag(ref)
    except (TerminalError, TransientError) as error:
        with suppress(SluiceError):
            await say_trouble(ref, reason_of(error))
        raise


async def _done(ref: FlagRef, now: Looked, decision: Decision) -> None:
    """Do what was decided; where somebody was faster, or a first gate is closed, wait a moment and look once more."""
    if decision.act is Act.INTEND and now.rollout.status.share is None and await closed_before(ref, now):
        await asyncio.sleep(GATE_PAUSE)
        return
    try:
        done = await act_on_flag(ref, now, decision)
    except TerminalError as error:
        if decision.act is not Act.TURN:
            raise
        decision = refused_by_service(decision, str(error))
        done = await act_on_flag(ref, now, decision)
    if not done:
        await asyncio.sleep(PAUSE)
    elif decision.act is Act.END:
        await announce_flag(ref, now, decision)


def _ended(decision: Decision) -> State[str]:
    phase = decision.status.phase
    if phase in (RaisePhase.FAILED, RaisePhase.STOPPED):
        return refused(str(phase).lower(), decision.reason)
    return ended(str(phase).lower() or "suspended", decision.reason)
