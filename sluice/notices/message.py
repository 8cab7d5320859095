"""What people learn in chat: one short sentence, why, and the numbers. How it looks is each chat's own (`blocks/chat`)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

LONGEST_TEXT = 2900
"""Characters of `Message.text`: nobody reads more, and the narrowest chat takes 3,000."""


class Severity(StrEnum):
    """How much a message matters; the words are those of Flagger's and Flux's alerts."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class Occasion(StrEnum):
    """When people get a message."""

    STARTED = "started"
    GATE_WAITS = "gate waits"
    GATE_OPEN = "gate is open"
    GATE_REFUSED = "gate has refused"
    GATE_LEFT = "gate is not asked any more"
    FLAGS_OFF = "flags switched off"
    RECOVERED = "recovered with flags off"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    SUPERSEDED = "superseded"
    SENT_HOME = "went home with its train"
    STALLED = "does not go on"
    KEPT_OUT = "taken out of git"
    DRIFTED = "was changed by hand"
    CONTESTED = "is fought over"
    AUDITED = "flags audited"
    RAISED = "flag is on for everybody"
    LOWERED = "flag went back"
    LEFT = "flag was left to people"
    DEPARTED = "train departed"
    ARRIVED = "train arrived"
    RETURNING = "train goes home"
    RETURNED = "train is at home again"


SEVERITIES = {
    Occasion.STARTED: Severity.INFO,
    Occasion.GATE_WAITS: Severity.WARN,
    Occasion.GATE_OPEN: Severity.INFO,
    Occasion.GATE_REFUSED: Severity.WARN,
    Occasion.GATE_LEFT: Severity.INFO,
    Occasion.FLAGS_OFF: Severity.ERROR,
    Occasion.RECOVERED: Severity.WARN,
    Occasion.PROMOTED: Severity.INFO,
    Occasion.ROLLED_BACK: Severity.ERROR,
    Occasion.SUPERSEDED: Severity.INFO,
    Occasion.SENT_HOME: Severity.WARN,
    Occasion.STALLED: Severity.ERROR,
    Occasion.KEPT_OUT: Severity.WARN,
    Occasion.DRIFTED: Severity.WARN,
    Occasion.CONTESTED: Severity.ERROR,
    Occasion.AUDITED: Severity.INFO,
    Occasion.RAISED: Severity.INFO,
    Occasion.LOWERED: Severity.ERROR,
    Occasion.LEFT: Severity.WARN,
    Occasion.DEPARTED: Severity.INFO,
    Occasion.ARRIVED: Severity.INFO,
    Occasion.RETURNING: Severity.ERROR,
    Occasion.RETURNED: Severity.WARN,
}


class Choice(BaseModel):
    """Something that people may do from a message, where a chat has buttons.

    Attributes:
        word: what it does, in one word: `approve`.
        value: what the chat hands back when somebody does it; nobody reads it.
        stops: it ends or holds something.
    """

    model_config = ConfigDict(frozen=True)
    word: str
    value: str
    stops: bool = False


class Message(BaseModel):
    """One message, without anything of a particular chat.

    Attributes:
        severity: how much it matters.
        occasion: what happened.
        subject: what it happened to: `namespace/name`.
        version: what people call the version of the subject.
        reason: why, with the numbers, in one sentence.
        facts: short labelled values; one that is empty is not shown.
        link: where to look further; empty for nowhere.
        choices: what people may do about it.
    """

    model_config = ConfigDict(frozen=True)
    severity: Severity
    occasion: Occasion
    subject: str
    version: str
    reason: str = ""
    facts: dict[str, str] = {}
    link: str = ""
    choices: tuple[Choice, ...] = ()

    @property
    def title(self) -> str:
        """What happened, to what."""
        return f"{self.subject}@{self.version} {self.occasion}"

    @property
    def text(self) -> str:
        """All of it but the facts as one plain line, for a notification."""
        return (self.title + (f": {self.reason}" if self.reason else ""))[:LONGEST_TEXT]


def rollout_message(
    occasion: Occasion,
    canary: str,
    version: str,
    reason: str = "",
    facts: dict[str, str] | None = None,
    choices: tuple[Choice, ...] = (),
) -> Message:
    """A message about one rollout.

    Args:
        canary: `namespace/name`.
        version: what people call the revision.
        reason: why, with the numbers, in one sentence.
        facts: short labelled values.
        choices: what people may do about it.
    """
    return Message(
        severity=SEVERITIES[occasion],
        occasion=occasion,
        subject=canary,
        version=version,
        reason=reason,
        facts=facts or {},
        choices=choices,
    )
