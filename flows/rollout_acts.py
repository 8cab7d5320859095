"""How a run of a rollout does what was decided: the stage of the table, and before it those of installed packages."""

from __future__ import annotations

from dataclasses import replace

from flows.rollout_run import RolloutRun
from sluice.errors import SluiceError, TerminalError
from sluice.rollout.decision import Decision
from sluice.rollout.result import StageResult
from tasks.rollout.table import Stage, row_of


async def act(run: RolloutRun, decision: Decision) -> bool:
    """Do what was decided, and keep what came of it; False where it was only to wait."""
    row = row_of(decision.action)
    if row is None and decision.outcome is None:
        return False
    for own in row.before if row else ():
        result = await _own(run, own, decision)
        run.learn(replace(decision, outcome=None), result)
        if result.fault:
            return True
    run.learn(decision, await run.do(row.stage, run.ref, decision) if row else StageResult())
    return True


async def _own(run: RolloutRun, own: Stage, decision: Decision) -> StageResult:
    """Run a stage of an installed package. What breaks in it ends the release in order, not the run in the middle of it."""
    try:
        result = await run.do(own, run.ref, decision)
    except SluiceError:
        raise
    except Exception as error:
        raise TerminalError(
            f"the installed stage {own.name!r} broke: {error!r}: mend its package, or uninstall it"
        ) from error
    if not isinstance(result, StageResult):
        raise TerminalError(
            f"the installed stage {own.name!r} gave {type(result).__name__} where a StageResult is needed: mend its package"
        )
    return result
