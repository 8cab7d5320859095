"""roll_out: take one revision of one Canary to promotion, or roll it back.

The flow is a loop: look, decide, act. What to do next is decided by `sluice.rollout.decide` from the Canary's status and the
router's real weights, so that a run that starts in the middle, after a crash or on another worker, goes on from there.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from blocks.leases.lease import Lease
from flows.outcome import ended, refused
from flows.rollout_acts import act
from flows.rollout_run import RolloutRun
from sluice.errors import LostError, NotFoundError, SluiceError, StaleError, TransientError, reason_of
from sluice.notices.message import Occasion
from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Decision, Outcome, Seen
from sluice.rollout.needs import is_under_way
from tasks.images.writing.keep_out import keep_out
from tasks.measuring.until_asked import until_asked
from tasks.people.hand_on import hand_on
from tasks.people.label_run import is_labelled, label_run
from tasks.people.record import record
from tasks.people.report import report
from tasks.people.say_waiting import say_what_is_waited_for
from tasks.people.tries import tries
from tasks.rollout.fence_out import fence_out
from tasks.rollout.let_go import let_go
from tasks.rollout.table import Failing, row_of
from tasks.run_signals import signals_for_current_run
from tasks.scene.claim import claimed
from tasks.scene.look import Look, look
from tasks.scene.rollout_ref import RolloutRef
from tasks.upkeep.post_events import post_events

log = logging.getLogger("sluice.rollout")
PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before looking again after what could not be done: at first, and after many times."""
MOST_DOUBLINGS = 10


def _run_name() -> str:
    asked = flow_run.parameters or {}
    version = asked.get("version")
    return f"roll_out {asked.get('canary')}.{asked.get('namespace')}" + (f"@{version}" if version else "")


@flow(name="roll_out", flow_run_name=_run_name, persist_result=False, retries=0)
async def roll_out(
    namespace: str, canary: str, revision: str = "", version: str = "", retry_refused: bool = False
) -> State[str]:
    """Roll out what the Canary's target holds now.

    Args:
        namespace: of the Canary.
        canary: its name.
        revision: the revision that the event was about. One that is on its way is brought to its end, also where the target
            has moved on: its run had died. Else the cluster is asked what is there.
        version: what people call it; only for the run's name.
        retry_refused: try a revision once more that was rolled back; so does Retry on a run that has ended.

    Returns:
        The outcome and its reason.
    """
    ref = RolloutRef(namespace=namespace, name=canary, revision=revision, version=version)
    again = await tries()
    name = str(flow_run.id or "local") + (f"#{again}" if again else "")
    async with claimed(ref, name) as lease:
        try:
            run = await resumed(ref, name, retry_refused=retry_refused or again > 0)
            await _carried(run, lease)
        except LostError:
            raise
        except Exception as error:
            if not await _reported(ref, error):
                return ended(str(Outcome.DELETED), "the Canary is gone")
            raise
    if run.outcome is Outcome.UNCHANGED and revision not in {"", run.ref.revision}:
        # Another run has brought the newer revision to its end while this one's worker was dead, or its event on its way.
        return ended(str(Outcome.SUPERSEDED), f"a newer revision came; {run.reason}")
    if run.outcome is Outcome.ROLLED_BACK:
        return refused(str(run.outcome), run.reason)
    return ended(str(run.outcome), run.reason)


async def _carried(run: RolloutRun, lease: Lease) -> None:
    """Carry a rollout to its end, and leave a record of it."""
    if not is_labelled(run.ref):
        run.aside(label_run(run.ref))
    await brought(run, lease)
    if run.ended and run.outcome and run.outcome.judged:
        run.aside(record(run.ref, str(run.outcome), run.reason, run.steps, run.ended))
    if run.outcome is Outcome.ROLLED_BACK:
        run.aside(_kept_out(run.ref))
    run.ask_no_more()
    await run.flush()


async def _kept_out(ref: RolloutRef) -> None:
    """Let no policy choose it again, and git go back to what runs; what fails here is found by `reconcile`."""
    if due := await keep_out(ref.namespace, ref.name):
        await post_events(due)


async def brought(run: RolloutRun, lease: Lease) -> None:
    """Bring a rollout to its end, or home where a person cancels it."""
    try:
        await _to_the_end(run, lease)
    except asyncio.CancelledError:
        signals = signals_for_current_run()
        if signals.cancelled and not signals.leaving:
            run.cleaning = True
            await asyncio.shield(asyncio.create_task(_to_the_end(run, lease)))
            run.ask_no_more()
            await run.flush()
        if signals.ended:
            await asyncio.shield(asyncio.create_task(hand_on.fn(run.ref, f"the run that carried it {signals.ended}")))
        raise


async def _reported(ref: RolloutRef, error: Exception) -> bool:
    """Say on the Canary and in chat why a run fails; False where there is no Canary any more."""
    try:
        return await report(ref, reason_of(error))
    except SluiceError as trouble:
        log.warning("that %s does not go on could not be reported: %s", ref, trouble)
        return True


async def resumed(asked: RolloutRef, name: str = "", *, retry_refused: bool = False) -> RolloutRun:
    """What a run has to do: what its target holds now, or a revision that was begun and left, to its end.

    A run whose worker died goes on with its own revision also where the target has moved on meanwhile: the newer one has a
    run of its own, and people hear of both.
    """
    first = await look(asked)
    # Of a target that was deleted only the journal knows what was on its way.
    revision = first.revision or first.canary.status.last_applied_spec
    current = {"revision": revision, "version": first.version}
    ref = asked if is_under_way(first.canary, asked.revision) else asked.model_copy(update=current)
    seen = Seen(revision, carries=ref.revision, retry_refused=retry_refused, run=name)
    return RolloutRun(ref, seen, first.canary.spec.target_ref)


async def _to_the_end(run: RolloutRun, lease: Lease) -> None:
    alone = not lease.took_over
    with run.accompanied():
        while run.outcome is None:
            if not lease.owned:
                await _regain(run, lease)
            if alone:
                await _turn(run)
            else:
                alone = await _fence_out(run)


async def _fence_out(run: RolloutRun) -> bool:
    """Fence out the previous holder of the lease. Returns True when done, False to try again."""
    try:
        await run.do(fence_out, run.ref)
    except (LostError, TransientError) as error:
        get_run_logger().warning("fencing out the previous holder of %s waits: %s", run.ref, error)
        await asyncio.sleep(PAUSE)
        return False
    except NotFoundError:
        return True  # the next look says what is gone
    return True


async def _regain(run: RolloutRun, lease: Lease) -> None:
    """The worker was stopped, or cut off from the cluster, for longer than its lease."""
    try:
        await lease.regain()
    except TransientError as error:
        get_run_logger().warning("%s waits for its lease: %s", run.ref, error)
        await asyncio.sleep(PAUSE)
    except LostError:
        # The run that has it carries the rollout, and posts its end.
        signals_for_current_run().lost = True
        raise


async def _turn(run: RolloutRun) -> None:
    """Look, decide, act, once. What fails for now is decided again; what cannot be helped rolls the release back."""
    now = await _looked(run)
    if now is None:
        return
    run.sees(now)
    decision = decide(now.canary, run.seen)
    if await run.called_back(decision):
        return  # decided anew, with that
    run.say(get_run_logger(), str(decision))
    await _try(run, decision, now)


async def _try(run: RolloutRun, decision: Decision, now: Look) -> None:
    """Act, and make of a failure what its stage's row says."""
    try:
        run.effects.check(decision, now.shown)
        if not await act(run, decision):
            await say_what_is_waited_for(run.ref, decision.reason)
            await until_asked(run.ref, PAUSE)
    except StaleError:
        await asyncio.sleep(PAUSE)
    except LostError as error:
        get_run_logger().warning("%s stops here: %s", run.ref, error)
    except TransientError as error:
        if decision.action is Action.PROMOTE:
            if not run.seen.stuck:
                run.post(Occasion.STALLED, str(error))
            run.seen = replace(run.seen, stuck=str(error))
        await _failed_for_now(run, decision, now, error)
    except Exception as error:
        await _failed(run, decision, error)
    else:
        run.effects.done(decision, now.shown)
        run.failing_since = None
        if run.effects.times <= 1:
            run.failures = 0


async def _failed_for_now(run: RolloutRun, decision: Decision, now: Look, error: TransientError) -> None:
    """Try it again; what brings users to the revision for as long as its pods may take. People read what is waited for."""
    row, limit = row_of(decision.action), now.canary.spec.progress_deadline_seconds
    forward = row is not None and row.forward
    if run.fails(limit) and forward and not run.seen.fault:
        run.seen = replace(run.seen, fault=f"{decision.action} failed for {limit:g} s: {error}")
        return
    if forward:
        with suppress(SluiceError):
            await say_what_is_waited_for(run.ref, reason_of(error))
    await _wait(run, decision, error)


async def _looked(run: RolloutRun) -> Look | None:
    """What there is to decide by; None where nothing is to be decided now, or its Canary goes."""
    try:
        now = await look(run.ref)
        going = bool(now.canary.metadata.deletion_timestamp)
        return None if going and await _deleted(run) else now
    except (LostError, StaleError):
        return None
    except NotFoundError:
        if await _deleted(run):
            return None
        raise


async def _failed(run: RolloutRun, decision: Decision, error: Exception) -> None:
    """What becomes of a release whose stage failed for good, whatever it failed in."""
    if isinstance(error, NotFoundError) and await _deleted(run):
        return
    if not isinstance(error, SluiceError):
        log.exception("%s of %s broke", decision.action, run.ref)
    row = row_of(decision.action)
    if row is not None and row.failing is Failing.HOME and not run.seen.fault:
        run.seen = replace(run.seen, fault=reason_of(error))
    elif row is not None and row.failing is Failing.AGAIN:
        if reason_of(error) != run.reported:
            run.reported = reason_of(error)
            await run.do(report, run.ref, run.reported)
        await _wait(run, decision, error)
    else:
        raise error


async def _wait(run: RolloutRun, decision: Decision, error: Exception) -> None:
    """Let time pass before the same is tried again, the longer the more often it has failed."""
    run.say(get_run_logger(), f"{decision.action} waits: {reason_of(error)}")
    await asyncio.sleep(min(PAUSE * 2**run.failures, LONGEST_PAUSE))
    run.failures = min(run.failures + 1, MOST_DOUBLINGS)


async def _deleted(run: RolloutRun) -> bool:
    """End the run where its Canary is gone, or goes once its users are served by its target."""
    try:
        if not await run.do(let_go, run.ref, run.target):
            return False
    except TransientError as error:
        run.say(get_run_logger(), f"letting go waits: {reason_of(error)}")
        await asyncio.sleep(PAUSE)
        return True  # nothing else is to be done with it
    run.outcome, run.reason = Outcome.DELETED, "the Canary is gone; its target follows its template again"
    return True
