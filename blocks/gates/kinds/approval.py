"""A Gate that people open, by records that chat, a command or the API makes."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.gates.kinds.base import Asked, GateAnswer
from sluice.gates.approval import approved

ASIDE = 3600.0
"""Seconds between two looks for which nobody has called: what people say is heard by a watch."""


@dataclass(frozen=True, slots=True)
class ApprovalGate:
    """Reads what people have said."""

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open once enough people have approved."""
        spec = asked.gate.spec.approval
        assert spec is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        found = approved(spec, asked.gate.key, asked.said.records, asked.waited)
        again = min(ASIDE, found.expires_in) if found.expires_in else None
        return GateAnswer(found.open, found.said, refused=found.refused, again=again)

    async def act(self, asked: Asked) -> GateAnswer:
        """Nothing."""
        return await self.ask(asked)
