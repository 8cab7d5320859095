"""Look at a FlagRollout and its flag, and do what was decided: one write, of the journal or of the flag."""

from __future__ import annotations

from blocks.connections import connections
from blocks.leases.lease import current_lease
from sluice.errors import StaleError
from sluice.flags.raising import Act, Decision
from sluice.manifests.own.flag_rollout import RaisePhase
from sluice.notices.message import SEVERITIES, Message, Occasion
from tasks.flags.rollout_scene import FlagRef, Looked, looked, service_of, write, write_trouble
from tasks.people.leave_event import leave_event
from tasks.stage import stage

OCCASIONS = {
    RaisePhase.SUCCEEDED: Occasion.RAISED,
    RaisePhase.FAILED: Occasion.LOWERED,
    RaisePhase.STOPPED: Occasion.LEFT,
}
WARNINGS = {RaisePhase.LOWERING, RaisePhase.FAILED, RaisePhase.STOPPED}


@stage("look at a flag", run_name="look at {ref}")
async def look_at_flag(ref: FlagRef) -> Looked | None:
    """What there is to decide by; None where the FlagRollout is gone."""
    return await looked(ref)


@stage("act on a flag", run_name="{decision.act} {ref}")
async def act_on_flag(ref: FlagRef, now: Looked, decision: Decision) -> bool:
    """Write the journal, or turn the flag; False where somebody was faster, and it has to be decided once more.

    Raises:
        LostError: the right to act cannot be proven now.
    """
    try:
        if decision.act is not Act.TURN:
            await write(now.rollout, decision.status)
            if decision.act in {Act.SETTLE, Act.END}:
                phase = decision.status.phase
                await leave_event(now.rollout, str(phase), decision.reason, warning=phase in WARNINGS)
            return True
        state = now.flag.environments[now.rollout.environment] if now.flag else None
        if state is None or decision.wish is None:
            return False
        current_lease().check()
        service = await service_of(connections(), now.rollout)
        # The journal's base is the fence, not what was seen a moment ago: between the two somebody may have turned it.
        fence = state.model_copy(update={"version": decision.status.base})
        await service.turn(now.rollout.spec.flag, now.rollout.environment, decision.wish, fence)
    except StaleError:
        return False
    return True


@stage("say what is wrong with a flag", run_name="say on {ref} what is wrong", delays=[1.0])
async def say_trouble(ref: FlagRef, why: str) -> None:
    """Say on the FlagRollout why it does not go on; its journal stays as it is."""
    await write_trouble(ref, why)


@stage("announce", run_name="announce: {decision.status.phase} {ref}", delays=[1.0])
async def announce_flag(ref: FlagRef, now: Looked, decision: Decision) -> bool:
    """Post to the channel how a FlagRollout ended; False where this installation has none."""
    chat = connections().chat
    occasion = OCCASIONS.get(decision.status.phase)
    if chat is None or occasion is None:
        return False
    status, spec = decision.status, now.rollout.spec
    facts = {"share": f"{status.share or 0:g} %", "environment": now.rollout.environment, "judged": status.judged}
    await chat.say(
        Message(
            severity=SEVERITIES[occasion],
            occasion=occasion,
            subject=f"{ref.namespace}/{ref.name}",
            version=spec.flag,
            reason=decision.reason,
            facts=facts,
        )
    )
    return True
