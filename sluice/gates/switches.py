"""Switches that people open and close by hand: the gates and rollback gates of the API of Flagger's load tester.

A switch belongs to one Canary and is closed until somebody opens it. What is kept of it says who changed it last and when,
and the changes before that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

LONGEST_KEY = 253
"""Characters of a key of a ConfigMap at most."""
REMEMBERED = 20
"""Changes of a switch that are remembered."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch.

    Attributes:
        kind: `gate` or `rollback`.
        namespace, name: of the Canary.
    """

    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> str:
        """Where it is kept. A namespace has no dot, so that no two switches share a key."""
        whole = f"{self.kind}.{self.namespace}.{self.name}"
        if len(whole) <= LONGEST_KEY:
            return whole
        mark = hashlib.sha256(whole.encode()).hexdigest()[:12]
        return f"{whole[: LONGEST_KEY - len(mark) - 1]}-{mark}"

    def __str__(self) -> str:
        return f"{self.kind} of {self.namespace}/{self.name}"


class Change(BaseModel):
    """One change of a switch: what it came to, by whom, and when (RFC 3339). Who, is what was said: the token is shared."""

    model_config = ConfigDict(frozen=True)
    open: bool
    by: str = Field(max_length=253)
    at: str


def changes(kept: str | None) -> list[Change]:
    """What is kept of a switch, newest first; what nobody can read opens nothing."""
    try:
        return [Change.model_validate(one) for one in json.loads(kept or "[]")]
    except (ValueError, TypeError, ValidationError):
        return []


def is_open(kept: str | None) -> bool:
    """Whether a switch is open by what is kept of it."""
    return next((one.open for one in changes(kept)), False)


def changed(kept: str | None, change: Change) -> str:
    """What is kept of a switch after a change."""
    return json.dumps([one.model_dump() for one in [change, *changes(kept)][:REMEMBERED]])
