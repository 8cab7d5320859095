"""What can come next for a release."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Step(StrEnum):
    """One step; the value of an act is what Flux's messages call it."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    TEST = "test"
    ROLLBACK = "rollback"
    """A failed upgrade is brought back to the release before it."""
    UNINSTALL = "uninstall"
    """A failed release is taken away, to be installed again."""
    UNLOCK = "unlock"
    """An act that died left the release pending: it is set to failed."""
    CORRECT = "correct cluster drift"
    """What was changed by hand is put right."""
    COMPARE = "compare"
    """The cluster's objects have to be compared with the release before it can be said what comes next."""
    RECORD = "record"
    """An act of ours came to its end, and what it came to was not written down."""
    FOREIGN = "foreign"
    """Somebody else's act is under way: wait for its end."""
    DONE = "done"
    """The release is as it is wanted."""
    AGAIN = "again"
    """Enough for one run: the next one goes on."""
    STALLED = "stalled"
    """No try is left: a person has to change something."""


ACTS = frozenset({Step.INSTALL, Step.UPGRADE, Step.TEST, Step.ROLLBACK, Step.UNINSTALL, Step.UNLOCK, Step.CORRECT})
"""Steps that change something in the cluster."""
RELEASING = frozenset({Step.INSTALL, Step.UPGRADE})
REMEDIES = frozenset({Step.ROLLBACK, Step.UNINSTALL})
KIND = {step: ("release" if step in RELEASING else "remedy" if step in REMEDIES else str(step)) for step in Step}
"""Of each kind there is one act in a run, so that a run comes to its end."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes next, and why.

    Attributes:
        reason: for the log and for messages; of `STALLED` it is the condition's reason.
        version: the revision to return to, for `ROLLBACK`.
        forget: the history no longer says anything about the release: begin a new one.
        said: a sentence for the condition of `STALLED`.
    """

    step: Step
    reason: str = ""
    version: int = 0
    forget: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the release is to be made of.

    Attributes:
        chart_name, chart_version: of the chart's metadata.
        values: composed of all that the manifest names.
        digest: of the OCI artifact that the chart came from; empty where it came from elsewhere.
    """

    chart_name: str
    chart_version: str
    app_version: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    digest: str = ""

    @property
    def chart(self) -> str:
        """`shop@1.2.0`."""
        return f"{self.chart_name}@{self.chart_version}"
