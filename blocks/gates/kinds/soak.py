"""A Gate that is time."""

from __future__ import annotations

from dataclasses import dataclass

from blocks.gates.kinds.base import Asked, GateAnswer
from sluice.durations import in_words


@dataclass(frozen=True, slots=True)
class SoakGate:
    """Looks at the clock."""

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open once the time has passed."""
        spec = asked.gate.spec.soak
        assert spec is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        begun = asked.canary.status.step_started if spec.since == "step" else 0.0
        passed = max(asked.now - begun, 0.0) if begun else asked.waited
        period = in_words(spec.period)
        if passed >= spec.period:
            return GateAnswer(True, f"soaked for {period}")
        return GateAnswer(False, f"soaks for {period}", again=spec.period - passed)
