"""Post-rollout webhooks: the user's services hear that a release was promoted or rolled back.

Meaning as Flagger's (`runPostRolloutHooks`, pkg/controller/scheduler_hooks.go): the phase says how it ended, and a call that
fails is only reported. Each of them is called here, also after one that failed, and where a worker died right after the end
of a release once more.
"""

from __future__ import annotations

import logging

from sluice.manifests.flagger.phase import Phase
from sluice.rollout.decision import Outcome
from tasks.people.leave_event import leave_event
from tasks.rollout.hooks.found import found
from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage

TYPE = "post-rollout"
ENDED_IN = {Outcome.PROMOTED: Phase.SUCCEEDED, Outcome.ROLLED_BACK: Phase.FAILED}
"""What the services hear of each end; of another end they hear nothing."""
log = logging.getLogger("sluice.rollout")


def hears(ref: RolloutRef, outcome: Outcome) -> bool:
    """Whether somebody wants to hear of that end."""
    return outcome in ENDED_IN and found(ref, TYPE) is not None


@stage("post-rollout", run_name="post-rollout webhooks of {ref}", delays=[])
async def post_rollout(ref: RolloutRef, outcome: Outcome) -> list[str]:
    """Call them one after the other; what the ones said that failed."""
    now = found(ref, TYPE)
    if now is None:
        return []
    ended, failed = now.at(ENDED_IN[outcome], ref.revision), []
    for webhook in ended.webhooks:
        answer = await ended.call(webhook)
        if not answer.open:
            failed.append(f"Post-rollout hook {answer.gate} failed: {answer.said}")
            log.warning("%s: %s", ref, failed[-1])
            await leave_event(ended.canary, "PostRolloutFailed", failed[-1], warning=True)
    return failed
