"""roll_out: take one revision of one Canary to promotion, or take it back.

The flow is a loop: look, decide, act. What to do next is decided by `sluice.rollout.decide` from the Canary's status and the
router's real weights, so that a run that starts in the middle, after a crash or on another worker, goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from sluice.errors import ConflictError, TransientError
from sluice.messages import Occasion
from sluice.rollout.decide import Action, Decision, Outcome, Seen, decide
from tasks.analyse import StepResult, analyse
from tasks.ask_gate import ask_gate
from tasks.begin import begin
from tasks.claim import claimed
from tasks.finalise import finalise
from tasks.initialise import initialise
from tasks.label_run import label_run
from tasks.look import look
from tasks.notify import notify
from tasks.promote import promote
from tasks.record import record
from tasks.roll_back import roll_back
from tasks.rollout_ref import RolloutRef
from tasks.run_signals import signals_for_current_run
from tasks.scale_up import scale_up
from tasks.shift_traffic import shift_traffic
from tasks.supersede import supersede

GATE_PAUSE = 5.0
"""Seconds between two questions to a closed gate."""
LOST = "another worker has taken this Canary over"


def _run_name() -> str:
    asked = flow_run.parameters or {}
    version = asked.get("version")
    return f"roll_out {asked.get('canary')}.{asked.get('namespace')}" + (f"@{version}" if version else "")


@dataclass(slots=True)
class _Run:
    """What this run knows beside the journal."""

    ref: RolloutRef
    seen: Seen
    steps: list[StepResult] = field(default_factory=list)
    asides: set[asyncio.Task[Any]] = field(default_factory=set)
    outcome: Outcome | None = None
    reason: str = ""
    ended: float = 0.0

    def tell(self, occasion: Occasion, reason: str = "", facts: dict[str, str] | None = None) -> None:
        """Tell people without waiting for it: a slow chat must not hold traffic where it is."""
        self.aside(notify(self.ref, occasion, reason, facts))

    def aside(self, stage: Coroutine[Any, Any, Any]) -> None:
        """Run a stage beside the rollout."""
        self.asides.add(asyncio.create_task(stage))

    async def told(self) -> None:
        """Wait for what runs beside the rollout; its failures are in the run's tasks and harm nothing."""
        await asyncio.gather(*self.asides, return_exceptions=True)


@flow(name="roll_out", flow_run_name=_run_name, persist_result=False)
async def roll_out(namespace: str, canary: str, revision: str = "", version: str = "", again: bool = False) -> str:
    """Roll out what the Canary's target holds now.

    Args:
        namespace: of the Canary.
        canary: its name.
        revision: the revision that the event was about; only for display, the cluster is asked what is there.
        version: what people call it; only for the run's name.
        again: try a revision once more that was taken back.

    Returns:
        The outcome and its reason.
    """
    ref = RolloutRef(namespace=namespace, name=canary, revision=revision, version=version)
    async with claimed(ref, str(flow_run.id or "local")) as lease:
        first = await look(ref)
        ref = ref.model_copy(update={"revision": first.revision, "version": first.version})
        run = _Run(ref, Seen(first.revision, carries=first.revision, again=again))
        run.aside(label_run(ref))
        try:
            while run.outcome is None:
                if lease.lost.is_set():
                    raise TransientError(f"{ref}: {LOST}")
                await _turn(run)
        except asyncio.CancelledError:
            signals = signals_for_current_run()
            if signals.cancelled and not signals.leaving:
                await asyncio.shield(roll_back.fn(ref, "cancelled by a person"))
                await asyncio.shield(notify.fn(ref, Occasion.ROLLED_BACK, "cancelled by a person"))
            raise
        if run.outcome in {Outcome.PROMOTED, Outcome.ROLLED_BACK}:
            run.aside(record(ref, str(run.outcome), run.reason, run.steps, run.ended))
        await run.told()
    return f"{run.outcome}: {run.reason}"


async def _turn(run: _Run) -> None:
    """Look, decide, act, once."""
    now = await look(run.ref)
    signals = signals_for_current_run()
    seen = replace(
        run.seen, revision=now.revision, weight=now.weight, paused=signals.paused, cancelled=signals.cancelled
    )
    decision = decide(now.canary, seen)
    try:
        await _act(run, decision)
    except ConflictError:
        # Somebody else wrote since we looked; the stage has been retried and the conflict stayed: look again.
        await asyncio.sleep(0.2)


async def _act(run: _Run, decision: Decision) -> None:
    ref, failed = run.ref, decision.failed_checks
    match decision.action:
        case Action.INITIALISE:
            await initialise(ref)
            run.outcome, run.reason = Outcome.INITIALISED, f"the primary runs {ref.version}"
        case Action.BEGIN:
            await begin(ref)
            run.seen = replace(run.seen, again=False)
            run.tell(Occasion.STARTED)
        case Action.ASK_GATE:
            await _ask(run, decision)
        case Action.SCALE_UP:
            readiness = await scale_up(ref)
            run.seen = replace(run.seen, scaled=readiness.ready, fault=readiness.reason)
        case Action.SHIFT:
            await shift_traffic(ref, decision.step, decision.weight, failed)
            run.seen = replace(run.seen, check=None)
        case Action.ANALYSE:
            result = await analyse(ref, decision.step, decision.weight, decision.again, failed)
            run.steps.append(result)
            fault = result.judgement.reason if result.fatal else ""
            run.seen = replace(run.seen, check=result.judgement, fault=fault)
        case Action.PROMOTE:
            await promote(ref)
        case Action.FINALISE:
            run.ended = time.time()
            await finalise(ref)
            run.outcome, run.reason = Outcome.PROMOTED, run.steps[-1].judgement.reason if run.steps else "not analysed"
            run.tell(Occasion.PROMOTED, run.reason, _facts(run))
        case Action.ROLL_BACK:
            await roll_back(ref, decision.reason, failed)
            run.outcome, run.reason, run.ended = Outcome.ROLLED_BACK, decision.reason, time.time()
            run.tell(Occasion.ROLLED_BACK, decision.reason, _facts(run))
        case Action.SUPERSEDE:
            run.outcome, run.reason = decision.outcome, decision.reason
            await supersede(ref, decision.outcome or Outcome.SUPERSEDED, decision.reason)
            run.tell(Occasion.SUPERSEDED, decision.reason)
        case Action.END:
            run.outcome, run.reason = decision.outcome, decision.reason


async def _ask(run: _Run, decision: Decision) -> None:
    closed_before = bool(run.seen.gate_closed)
    wait = GATE_PAUSE if closed_before else 0.0
    answer = await ask_gate(run.ref, decision.gate, wait, decision.failed_checks)
    if answer.open:
        opened = run.seen.gates_open | {decision.gate}
        run.seen = replace(run.seen, gates_open=opened, gate_closed="")
        return
    run.seen = replace(run.seen, gate_closed=f"{decision.gate}: {answer.said}")
    if not closed_before:
        run.tell(Occasion.GATE_WAITS, f"{decision.gate}: {answer.said}")


def _facts(run: _Run) -> dict[str, str]:
    last = run.steps[-1] if run.steps else None
    readings = last.judgement.readings if last else ()
    weight = {"Weight reached": f"{last.weight} %"} if last else {}
    return {**weight, **{reading.metric: reading.measured for reading in readings}}
