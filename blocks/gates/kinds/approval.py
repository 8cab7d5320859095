"""A Gate that people open, by records that chat, a command or the API makes.

Where there is a chat with buttons they are asked there, in one message that is changed as they answer. The journal keeps
what the message shows and what the chat knows it by: the intent before the act, as with everything that is done outside.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from blocks.gates.kinds.approval_board import Messages
from blocks.gates.kinds.base import Asked, GateAnswer
from sluice.gates.answering.buttons import Seal
from sluice.gates.answering.question import answered, question
from sluice.gates.approval import Approved, approved
from sluice.notices.message import Message, Occasion

ASIDE = 3600.0
"""Seconds between two looks for which nobody has called: what people say is heard by a watch."""
ON_ITS_WAY = 2.0
"""Seconds after which a message that was posted is asked for, to be kept in the journal."""
SHOWS, POSTED = "shows", "message"
"""What the journal keeps: what the message says, and what the chat knows it by."""


@dataclass(frozen=True, slots=True)
class ApprovalGate:
    """Reads what people have said, and asks them.

    Attributes:
        messages, seal: of the chat; None where people are not asked by buttons.
    """

    messages: Messages | None = None
    seal: Seal | None = None

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open once enough people have approved."""
        found = _found(asked)
        again = min(ASIDE, found.expires_in) if found.expires_in else None
        answer = GateAnswer(found.open, found.said, refused=found.refused, again=again)
        return self._shown(asked, answer) if self.messages and self.seal else answer

    async def act(self, asked: Asked) -> GateAnswer:
        """Let the message say what the journal has now. It is posted and changed next to the release."""
        found = _found(asked)
        if self.messages and self.seal:
            self.messages.show(_key(asked), str(asked.state.kept.get(POSTED, "")), _message(asked, found, self.seal))
            kept = asked.state.kept
            if not (found.open or found.refused or kept.get(POSTED)):
                posted = await self.messages.soon(_key(asked))
                asked = replace(asked, state=asked.state.model_copy(update={"kept": {**kept, POSTED: posted}}))
        again = min(ON_ITS_WAY, found.expires_in) if found.expires_in else None
        return GateAnswer(
            found.open, found.said, refused=found.refused, again=again, announced=True, keep=asked.state.kept
        )

    def _shown(self, asked: Asked, answer: GateAnswer) -> GateAnswer:
        """The answer, with what has to be done to the message."""
        assert self.messages is not None  # noqa: S101 - asked for where there are some
        key, kept = _key(asked), asked.state.kept
        posted, waits = self.messages.posted.get(key) or kept.get(POSTED, ""), self.messages.waits(key)
        over = answer.open or answer.refused
        # What is over before anybody was asked, as by an approval from a terminal, needs no message.
        changed = kept.get(SHOWS) != answer.said and bool(kept.get(SHOWS) or not over)
        missing = not posted and not waits and not over
        keep = {**kept, SHOWS: answer.said, POSTED: posted} if changed or missing or posted else None
        again = min(ON_ITS_WAY, answer.again or ON_ITS_WAY) if waits and not posted and not over else answer.again
        return replace(answer, keep=keep, acts=changed or missing, again=again, announced=bool(posted or waits))


def _found(asked: Asked) -> Approved:
    spec = asked.gate.spec.approval
    assert spec is not None  # noqa: S101 - the table gives a Gate to the kind that it names
    return approved(spec, asked.gate.key, asked.said.records, asked.waited)


def _message(asked: Asked, found: Approved, seal: Seal) -> Message:
    if found.open or found.refused:
        occasion = Occasion.GATE_OPEN if found.open else Occasion.GATE_REFUSED
        return answered(asked.canary, asked.gate.key, asked.point, found.said, occasion, asked.version)
    until = asked.now + found.expires_in
    of = (asked.canary, asked.gate, asked.point, found.said, until, seal)
    return question(*of, version=asked.version, revision=asked.revision)


def _key(asked: Asked) -> str:
    """What tells the message of one question from all others."""
    status, state = asked.canary.status, asked.state
    begun = status.begun_with.heard if status.begun_with else 0
    return "\0".join([asked.canary.metadata.uid, asked.revision, str(begun), state.gate, state.uid, asked.point])
