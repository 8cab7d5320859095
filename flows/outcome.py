"""How a flow run ends in words: the state's name is what people see in lists of runs."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed


def ended(outcome: str, reason: str = "") -> State[str]:
    """A completed state named after the outcome, such as `Promoted`, with the reason as its message."""
    said = f"{outcome}: {reason}" if reason else outcome
    return Completed(name=outcome.capitalize(), message=said, data=said)


def refused(outcome: str, reason: str) -> State[str]:
    """A failed state named after the outcome, with the reason as its message: what was asked for is not what runs now."""
    said = f"{outcome}: {reason}"
    return Failed(name=outcome.capitalize(), message=said, data=said)
