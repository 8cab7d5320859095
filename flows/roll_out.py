"""roll_out: take one revision of one Canary to promotion, or take it back.

The flow is a loop: look, decide, act. What to do next is decided by `sluice.rollout.decide` from the Canary's status and the
router's real weights, so that a run that starts in the middle, after a crash or on another worker, goes on from there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar

from prefect import Task, flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from blocks.lease import Lease
from flows.outcome import ended
from sluice.errors import LostError, StaleError, TerminalError, TransientError
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
from tasks.take_over import take_over

P = ParamSpec("P")
R = TypeVar("R")
GATE_PAUSE = 5.0
"""Seconds between two questions to a closed gate."""
PAUSE = 1.0
"""Seconds before looking again after what could not be done."""
FORWARD = {Action.ASK_GATE, Action.SCALE_UP, Action.SHIFT, Action.ANALYSE}
"""Acts whose final failure is a reason to take the revision back."""


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
    cleaning: bool = False
    """Cancelled: Prefect runs no more tasks for this run, so the stages that bring it home run as plain code."""

    async def do(self, stage: Task[P, Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a stage."""
        act = stage.fn if self.cleaning else stage
        return await act(*args, **kwargs)

    def tell(self, occasion: Occasion, reason: str = "", facts: dict[str, str] | None = None) -> None:
        """Tell people without waiting for it: a slow chat must not hold traffic where it is."""
        self.aside(self.do(notify, self.ref, occasion, reason, facts))

    def note(self, result: StepResult) -> None:
        """Keep what a step came to; one that is judged again is still one step."""
        last = self.steps[-1] if self.steps else None
        if last and last.step == result.step:
            self.steps[-1] = result.model_copy(update={"points": last.points + result.points})
        else:
            self.steps.append(result)

    def aside(self, stage: Coroutine[Any, Any, Any]) -> None:
        """Run a stage beside the rollout."""
        self.asides.add(asyncio.create_task(stage))

    async def told(self) -> None:
        """Wait for what runs beside the rollout; its failures are in the run's tasks and harm nothing."""
        await asyncio.gather(*self.asides, return_exceptions=True)


@flow(name="roll_out", flow_run_name=_run_name, persist_result=False)
async def roll_out(
    namespace: str, canary: str, revision: str = "", version: str = "", again: bool = False
) -> State[str]:
    """Roll out what the Canary's target holds now.

    Args:
        namespace: of the Canary.
        canary: its name.
        revision: the revision that the event was about; the cluster is asked what is there.
        version: what people call it; only for the run's name.
        again: try a revision once more that was taken back.

    Returns:
        The outcome and its reason.
    """
    ref = RolloutRef(namespace=namespace, name=canary, revision=revision, version=version)
    async with claimed(ref, str(flow_run.id or "local")) as lease:
        first = await look(ref)
        ref = ref.model_copy(update={"revision": first.revision, "version": first.version})
        resumed = lease.resumed and not again and revision in {"", first.revision}
        run = _Run(ref, Seen(first.revision, carries=first.revision, again=again, resumed=resumed))
        run.aside(label_run(ref))
        if lease.took_over:
            await run.do(take_over, ref)
        try:
            await _to_the_end(run, lease)
        except asyncio.CancelledError:
            signals = signals_for_current_run()
            if signals.cancelled and not signals.leaving:
                run.cleaning = True
                await asyncio.shield(asyncio.create_task(_to_the_end(run, lease)))
                await run.told()
            raise
        if run.ended and run.outcome in {Outcome.PROMOTED, Outcome.ROLLED_BACK}:
            run.aside(record(ref, str(run.outcome), run.reason, run.steps, run.ended))
        await run.told()
    return ended(str(run.outcome), run.reason)


async def _to_the_end(run: _Run, lease: Lease) -> None:
    while run.outcome is None:
        if not lease.held:
            await _regain(run, lease)
        await _turn(run)


async def _regain(run: _Run, lease: Lease) -> None:
    """The worker was stopped, or cut off from the cluster, for longer than its lease."""
    try:
        await lease.regain()
    except TransientError as error:
        get_run_logger().warning("%s waits for its lease: %s", run.ref, error)
        await asyncio.sleep(PAUSE)
    except LostError:
        # Whoever has it carries the rollout, and tells its end.
        signals_for_current_run().lost = True
        raise


async def _turn(run: _Run) -> None:
    """Look, decide, act, once. What fails for now is decided anew; what cannot be helped takes the release back."""
    try:
        now = await look(run.ref)
    except LostError:
        return
    signals = signals_for_current_run()
    run.seen = replace(
        run.seen,
        revision=now.revision,
        weight=now.weight,
        # What this run saw ready may have been scaled down, replaced or lost since.
        scaled=run.seen.scaled and now.standing,
        paused=signals.paused,
        cancelled=signals.cancelled,
    )
    decision = decide(now.canary, run.seen)
    try:
        await _act(run, decision)
    except StaleError:
        await asyncio.sleep(PAUSE)
    except LostError as error:
        get_run_logger().warning("%s stops here: %s", run.ref, error)
    except TransientError as error:
        get_run_logger().warning("%s of %s waits: %s", decision.action, run.ref, error)
        await asyncio.sleep(PAUSE)
    except TerminalError as error:
        if decision.action not in FORWARD or run.seen.fault:
            raise
        run.seen = replace(run.seen, fault=str(error))


async def _act(run: _Run, decision: Decision) -> None:
    ref, failed = run.ref, decision.failed_checks
    match decision.action:
        case Action.INITIALISE:
            await run.do(initialise, ref)
            run.outcome, run.reason = Outcome.INITIALISED, f"the primary runs {ref.version}"
        case Action.BEGIN:
            await run.do(begin, ref)
            run.seen = replace(run.seen, again=False)
            run.tell(Occasion.STARTED)
        case Action.ASK_GATE:
            await _ask(run, decision)
        case Action.SCALE_UP:
            readiness = await run.do(scale_up, ref)
            run.seen = replace(run.seen, scaled=readiness.ready, fault=readiness.reason)
        case Action.SHIFT:
            await run.do(shift_traffic, ref, decision.step, decision.weight, failed)
            run.seen = replace(run.seen, check=None)
        case Action.ANALYSE:
            result = await run.do(analyse, ref, decision.step, decision.weight, decision.again, failed)
            run.note(result)
            fault = result.judgement.reason if result.fatal else ""
            run.seen = replace(run.seen, check=result.judgement, fault=fault)
        case Action.PROMOTE:
            await run.do(promote, ref)
        case Action.WAIT:
            await asyncio.sleep(PAUSE)
        case _:
            await _end(run, decision)


async def _end(run: _Run, decision: Decision) -> None:
    """The acts that a run ends with."""
    ref, outcome, reason = run.ref, decision.outcome, decision.reason
    match decision.action:
        case Action.FINALISE:
            outcome, reason = Outcome.PROMOTED, run.steps[-1].judgement.reason if run.steps else "not analysed"
            run.ended = time.time()
            await run.do(finalise, ref, reason)
            run.tell(Occasion.PROMOTED, reason, _facts(run))
        case Action.ROLL_BACK:
            await run.do(roll_back, ref, reason, decision.failed_checks)
            run.ended = time.time()
            run.tell(Occasion.ROLLED_BACK, reason, _facts(run))
        case Action.SUPERSEDE:
            await run.do(supersede, ref, outcome or Outcome.SUPERSEDED, reason)
            run.tell(Occasion.SUPERSEDED, reason)
    run.outcome, run.reason = outcome, reason


async def _ask(run: _Run, decision: Decision) -> None:
    closed_before = bool(run.seen.gate_closed)
    wait = GATE_PAUSE if closed_before else 0.0
    answer = await run.do(ask_gate, run.ref, decision.gate, wait, decision.failed_checks)
    if answer.open:
        opened = run.seen.gates_open | {decision.gate}
        run.seen = replace(run.seen, gates_open=opened, gate_closed="")
        return
    # While confirm-promotion is closed the canary keeps its weight: what was said of it has to be said again.
    check = None if decision.gate == "confirm-promotion" else run.seen.check
    run.seen = replace(run.seen, gate_closed=f"{decision.gate}: {answer.said}", check=check)
    if not closed_before:
        run.tell(Occasion.GATE_WAITS, f"{decision.gate}: {answer.said}")


def _facts(run: _Run) -> dict[str, str]:
    last = run.steps[-1] if run.steps else None
    readings = last.judgement.readings if last else ()
    weight = {"Weight reached": f"{last.weight} %"} if last else {}
    return {**weight, **{reading.metric: reading.measured for reading in readings}}
