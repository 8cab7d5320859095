"""sluice's own `AuditRecord` (`sluice.dev/v1alpha1`): one thing that somebody did to a release, or let through.

A record is made once and never changed: the kind's own rule refuses it. It is both the trail and the way in: a button in
chat, a command, and a call of the API each make a record, and the run of the release acts by it. So all of it works while
Prefect is away, and nothing is done of which no record is left.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from sluice.manifests.meta import ForeignModel, Manifest

ASKS = "sluice.dev/asks"
"""Label, `true`, of records by which somebody asks for something: those that workers watch."""
OF_CANARY = "sluice.dev/canary"
"""Label that names the Canary, as far as a label can."""
LONGEST_LABEL = 63


class Act(StrEnum):
    """What was done."""

    APPROVE = "approve"
    REJECT = "reject"
    OVERRIDE = "override"
    """A gate, a window or a freeze is let be, for one revision."""
    ABORT = "abort"
    """The release goes home."""
    PROMOTE = "promote"
    """The steps that are left are left out."""
    RETRY = "retry"
    """A revision that was rolled back is tried once more."""
    PAUSE = "pause"
    RESUME = "resume"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"
    GATE_OPENED = "gate-opened"
    GATE_REFUSED = "gate-refused"
    SUITE_STARTED = "suite-started"
    SUITE_ENDED = "suite-ended"
    BEGUN = "begun"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    REFUSED = "refused"
    """Somebody asked for what they may not: forged, too late, or not theirs to say."""


ASKING = frozenset({Act.APPROVE, Act.REJECT, Act.OVERRIDE, Act.ABORT, Act.PROMOTE, Act.RETRY, Act.PAUSE, Act.RESUME})
"""What people ask of a release."""


class AuditRecordSpec(ForeignModel):
    """Who did what to which release, when and why."""

    act: Act
    by: str = Field(min_length=1, max_length=253)
    """Who: the user's name as the API server knows it, or as chat does."""
    groups: tuple[str, ...] = Field(default=(), max_length=64)
    """The groups of that person that an approval may ask for."""
    through: str = Field(default="", max_length=63)
    """The way it came: `cli`, `slack`, `api`, `kubectl`, `prefect`; `sluice` for its own."""
    canary: str = Field(min_length=1, max_length=253)
    """Name of the Canary, in the record's own namespace."""
    revision: str = Field(default="", max_length=253)
    """The revision that it is about, by its hash; it says nothing of any other."""
    version: str = Field(default="", max_length=253)
    """What people call that revision."""
    gate: str = Field(default="", max_length=512)
    """Which gate, as `namespace/name`; `*` for all that are closed."""
    point: str = Field(default="", max_length=63)
    """Point of the rollout."""
    reason: str = Field(default="", max_length=2000)
    at: str = Field(default="", max_length=40)
    """When, RFC 3339, by the clock of its writer; what is believed is `metadata.creationTimestamp`."""


class AuditRecord(Manifest):
    """One record of the audit trail."""

    api_version: ClassVar[str] = "sluice.dev/v1alpha1"
    kind: ClassVar[str] = "AuditRecord"
    plural: ClassVar[str] = "auditrecords"
    spec: AuditRecordSpec

    @property
    def made(self) -> str:
        """When the API server took it, RFC 3339 to the second."""
        return str((self.metadata.model_extra or {}).get("creationTimestamp") or self.spec.at)

    @property
    def version(self) -> int:
        """Its place among the records of a cluster: versions rise with time (kubernetes KEP 5504)."""
        return int(self.metadata.resource_version or 0)


def canary_label(name: str) -> str:
    """The value of the label `sluice.dev/canary`: as much of a name as a label may have."""
    return name[:LONGEST_LABEL].strip("-._*")
