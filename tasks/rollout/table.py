"""The table of stages: which one does what `decide` has decided. A new stage is its file and its row."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from prefect import Task

from sluice.rollout.decision import Action, Decision
from sluice.rollout.result import StageResult
from tasks.rollout.analyse import analyse
from tasks.rollout.ask_gate import ask_gate
from tasks.rollout.begin import begin
from tasks.rollout.finalise import finalise
from tasks.rollout.initialise import initialise
from tasks.rollout.promote import promote
from tasks.rollout.roll_back import roll_back
from tasks.rollout.scale_up import scale_up
from tasks.rollout.shift_traffic import shift_traffic
from tasks.rollout.supersede import supersede
from tasks.scene.rollout_ref import RolloutRef

Stage = Task[[RolloutRef, Decision], Coroutine[Any, Any, StageResult]]


@dataclass(frozen=True, slots=True)
class Row:
    """One stage.

    Attributes:
        stage: what is run.
        forward: it brings the new revision closer to users: its final failure is a reason to roll back.
    """

    stage: Stage
    forward: bool = False


STAGES: dict[Action, Row] = {
    Action.INITIALISE: Row(initialise),
    Action.BEGIN: Row(begin),
    Action.ASK_GATE: Row(ask_gate, forward=True),
    Action.SCALE_UP: Row(scale_up, forward=True),
    Action.SHIFT: Row(shift_traffic, forward=True),
    Action.ANALYSE: Row(analyse, forward=True),
    Action.PROMOTE: Row(promote),
    Action.FINALISE: Row(finalise),
    Action.ROLL_BACK: Row(roll_back),
    Action.SUPERSEDE: Row(supersede),
}
"""Every stage by the action that it does. An action without a stage (WAIT, END) touches nothing outside the run."""
