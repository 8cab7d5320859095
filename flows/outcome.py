"""How a flow run ends in words: the state's name is what people see in lists of runs."""

from __future__ import annotations

from prefect.client.schemas.objects import State
from prefect.states import Completed


def ended(outcome: str, reason: str = "") -> State[str]:
    """A completed state named after the outcome, such as `Rolled back`, with the reason as its message.

    A release that was rolled back is no failed run: the run has done what it is there for.
    """
    said = f"{outcome}: {reason}" if reason else outcome
    return Completed(name=outcome.capitalize(), message=said, data=said)
