"""run_train: one journey of a Train, from its departure to its end.

As `roll_out`: look, decide, act. What comes next is decided by `sluice.trains.journey.decide`, from the journal in the
Train's status and the Canaries of its services. The journal is all that is written: the rollout of each service goes on,
waits or goes home by it, under a Lease of its own.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended, refused
from sluice.errors import SluiceError
from sluice.manifests.own.train import TrainPhase
from sluice.trains.journey import Act, Decision, decide
from tasks.run_signals import signals_for_current_run
from tasks.trains.act import act_on_train, announce_train, call_back, draw_train, to_call_back
from tasks.trains.recall import recall
from tasks.trains.scene import Looked, TrainRef, claimed, looked

PAUSE = 1.0
"""Seconds between two looks: they are at what the shared watches know, and ask nobody."""


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"run_train {asked.get('train')}.{asked.get('namespace')}"


@flow(name="run_train", flow_run_name=_run_name, persist_result=False, retries=0)
async def run_train(namespace: str, train: str) -> State[str]:
    """Bring a Train to its end; one that stands departs if a bell rang or somebody asks for it.

    Args:
        namespace: of the Train.
        train: its name.

    Returns:
        How it ended, and why.
    """
    ref = TrainRef(namespace=namespace, name=train)
    async with claimed(ref, str(flow_run.id or "local")):
        try:
            return await _carried(ref)
        except asyncio.CancelledError:
            signals = signals_for_current_run()
            if signals.cancelled and not signals.leaving:
                with suppress(SluiceError):
                    await asyncio.shield(asyncio.create_task(recall.fn(ref, "its run was cancelled by a person")))
            raise


async def _carried(ref: TrainRef) -> State[str]:
    fresh = True
    while True:
        now = await looked(ref, fresh=fresh)
        if now is None:
            return ended("deleted", f"Train {ref.namespace}/{ref.name} is gone")
        decision = decide(now.train, now.others, now.canaries, now.now, own_namespace_only=now.own_namespace_only)
        if decision.act is Act.NOTHING:
            if fresh:
                return _ended(decision)
            fresh = True  # nothing is over before the API server says so
            continue
        fresh = False
        if decision.act is Act.WAIT:
            if events := to_call_back(now):
                await call_back(ref, events)
            await asyncio.sleep(PAUSE)
            continue
        get_run_logger().info("%s: %s %s", ref, decision.act, decision.reason)
        if not await act_on_train(ref, now, decision):
            await asyncio.sleep(PAUSE)
        elif decision.act is Act.WRITE and decision.status.phase is not now.train.status.phase:
            await _told(ref, now, decision)


async def _told(ref: TrainRef, now: Looked, decision: Decision) -> None:
    """Tell people of a new phase. What cannot be said holds no train up."""
    for tell in (announce_train, draw_train):
        with suppress(Exception):
            await tell(ref, now, decision)


def _ended(decision: Decision) -> State[str]:
    phase = decision.status.phase
    if phase is TrainPhase.RETURNED:
        return refused(str(phase).lower(), decision.reason)
    return ended(str(phase).lower() or "waiting", decision.reason)
