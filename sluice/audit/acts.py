"""Which of what a rollout does is left in the audit trail."""

from __future__ import annotations

from sluice.manifests.own.audit_record import Act
from sluice.notices.message import Occasion
from sluice.rollout.decision import Action, Decision, Outcome
from sluice.rollout.result import StageResult

_NEWS = {Occasion.PROMOTED: Act.PROMOTED, Occasion.ROLLED_BACK: Act.ROLLED_BACK}
_ENDS = {Outcome.PROMOTED: Act.PROMOTED, Outcome.ROLLED_BACK: Act.ROLLED_BACK}


def recorded(decision: Decision, result: StageResult) -> tuple[Act, ...]:
    """The acts to record of a decision that was carried out.

    The end of a run that finds its release at rest counts too: the worker that brought it there may have died before that.
    """
    acts = []
    if result.began:
        acts.append(Act.BEGUN)
    if result.opened:
        acts.append(Act.GATE_OPENED)
    if decision.action is Action.ASK_GATE and result.fault:
        acts.append(Act.GATE_REFUSED)
    ends = [_NEWS[result.news]] if result.news in _NEWS else []
    ends += [_ENDS[decision.outcome]] if decision.outcome in _ENDS else []
    return (*acts, *ends[:1])
