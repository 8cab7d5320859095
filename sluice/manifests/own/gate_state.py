"""What the journal of a release keeps of one Gate."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sluice.manifests.meta import ForeignModel


class GateState(ForeignModel):
    """What the journal of a release keeps of one Gate, in the Canary's `status.gates`."""

    gate: str
    """`namespace/name`."""
    uid: str = ""
    """Of the Gate: one that was deleted and made again begins anew."""
    point: str = ""
    since: float = 0.0
    """When it was asked first, seconds since the epoch."""
    open: bool = False
    said: str = ""
    kept: dict[str, Any] = Field(default_factory=dict)
    """What its kind has to remember, such as which suite was started."""
