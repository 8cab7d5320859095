"""A Gate that is a window: open by the clock alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from blocks.gates.kinds.base import Asked, GateAnswer
from sluice.gates.windows.state import window_state

ASIDE = 3600.0
"""Seconds between two looks at a window of which no change is known."""


@dataclass(frozen=True, slots=True)
class WindowGate:
    """Looks at the time."""

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open while the window is; asked again when it changes."""
        window = asked.gate.spec.window
        assert window is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        now = datetime.fromtimestamp(asked.now, UTC)
        state = window_state(window, now)
        again = (state.until - now).total_seconds() if state.until else ASIDE
        return GateAnswer(state.open, state.sentence(window.time_zone, now), again=min(again, ASIDE))
