"""answer_gate: approve or reject at a Gate from Prefect's UI, by a run that somebody starts by hand."""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended, refused
from sluice.errors import TerminalError
from tasks.people.asking.answer_gate import answer_at_gate


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    return f"{asked.get('answer')} {asked.get('canary')}.{asked.get('namespace')}"


@flow(name="answer_gate", flow_run_name=_run_name, persist_result=False)
async def answer_gate(
    namespace: str, canary: str, answer: Literal["approve", "reject"] = "approve", reason: str = "", gate: str = ""
) -> State[str]:
    """Approve or reject at a Gate.

    Args:
        namespace: of the Canary.
        canary: its name.
        answer: what is said.
        reason: why, in your words; a rejection needs one.
        gate: name of the Gate, or `namespace/name`; empty where only one asks.

    Returns:
        What was asked; Failed where that may not be, with the reason.
    """
    try:
        return ended("asked", await answer_at_gate(namespace, canary, answer, reason, gate))
    except TerminalError as error:
        return refused("refused", str(error))
