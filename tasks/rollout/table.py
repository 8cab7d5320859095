"""The table of stages: which one does what `decide` has decided. A new stage is its file and its row."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from enum import StrEnum
from inspect import signature
from typing import Any

from prefect import Task

from sluice.rollout.decision import Action, Decision
from sluice.rollout.result import StageResult
from tasks.rollout.analyse import analyse
from tasks.rollout.ask_gate import ask_gate
from tasks.rollout.begin import begin
from tasks.rollout.finalise import finalise
from tasks.rollout.initialise import initialise
from tasks.rollout.kill_switch.switch_flags_off import switch_flags_off
from tasks.rollout.kill_switch.watch_recovery import watch_recovery
from tasks.rollout.promote import promote
from tasks.rollout.roll_back import roll_back
from tasks.rollout.scale_up import scale_up
from tasks.rollout.shift_traffic import shift_traffic
from tasks.rollout.supersede import supersede
from tasks.rollout.with_train.send_home import send_home
from tasks.scene.rollout_ref import RolloutRef

Stage = Task[[RolloutRef, Decision], Coroutine[Any, Any, StageResult]]


class Failing(StrEnum):
    """What becomes of a release whose stage fails for good."""

    HOME = "rolled back with the reason"
    AGAIN = "tried again for as long as it takes: it is the way home itself"
    ENDS = "the run ends with the reason: nothing has been moved"


@dataclass(frozen=True, slots=True)
class Row:
    """One stage.

    Attributes:
        stage: what is run.
        failing: what becomes of the release where it fails for good.
        forward: it brings the new revision closer to users, before its promotion.
        before: stages of installed packages that are run right before it.
    """

    stage: Stage
    failing: Failing
    forward: bool = False
    before: tuple[Stage, ...] = ()


STAGES: dict[Action, Row] = {
    Action.INITIALISE: Row(initialise, Failing.ENDS),
    Action.BEGIN: Row(begin, Failing.ENDS),
    Action.ASK_GATE: Row(ask_gate, Failing.HOME, forward=True),
    Action.SCALE_UP: Row(scale_up, Failing.HOME, forward=True),
    Action.SHIFT: Row(shift_traffic, Failing.HOME, forward=True),
    Action.ANALYSE: Row(analyse, Failing.HOME, forward=True),
    Action.SWITCH_FLAGS_OFF: Row(switch_flags_off, Failing.HOME),
    Action.WATCH_RECOVERY: Row(watch_recovery, Failing.HOME),
    Action.PROMOTE: Row(promote, Failing.HOME),
    Action.FINALISE: Row(finalise, Failing.AGAIN),
    Action.ROLL_BACK: Row(roll_back, Failing.AGAIN),
    Action.SUPERSEDE: Row(supersede, Failing.AGAIN),
    Action.SEND_HOME: Row(send_home, Failing.AGAIN),
}
"""Every stage by the action that it does. An action without a stage (WAIT, END) touches nothing outside the run."""


@dataclass(frozen=True, slots=True)
class OwnStage:
    """A stage of an installed package, run right before one of sluice's.

    Attributes:
        before: what it is run before; only what brings a revision forward has room for one.
        stage: what is run, as often as the action is decided on: it looks where the truth is, and may be repeated. Where it
            raises a `TerminalError`, or its result has a `fault`, the release is rolled back with that reason.
    """

    before: Action
    stage: Stage


def fits(_name: str, row: object) -> bool:
    """Whether an object is a stage that a package may add."""
    if not isinstance(row, OwnStage) or not isinstance(row.before, Action) or not isinstance(row.stage, Task):
        return False
    known = STAGES.get(row.before)
    if known is None or not known.forward:
        return False
    try:
        signature(row.stage.fn).bind(None, None)
    except TypeError:  # it does not take what every stage is given: ref and decision
        return False
    return row.stage.isasync


_table: ContextVar[dict[Action, Row]] = ContextVar("sluice_stages", default=STAGES)


@contextmanager
def with_own_stages(own: Iterable[OwnStage]) -> Iterator[None]:
    """Have runs that start in the block run these stages too."""
    table = dict(STAGES)
    for one in own:
        row = table[one.before]
        table[one.before] = replace(row, before=(*row.before, one.stage))
    token = _table.set(table)
    try:
        yield
    finally:
        _table.reset(token)


def row_of(action: Action) -> Row | None:
    """The row of an action; None for one that has no stage."""
    return _table.get().get(action)
