"""What was done without an effect: an act that the next look does not show is a fault and no loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.errors import TerminalError
from sluice.rollout.decision import Action, Decision

MOST = 3
"""Times that the same may be done with the same effect, which is none."""
WAITING = frozenset({Action.ASK_GATE, Action.ANALYSE, Action.WATCH_RECOVERY, Action.WAIT, Action.END})
"""What changes nothing by itself: it looks, and takes its time."""


@dataclass(slots=True)
class Effects:
    """The act that was done last, what was seen before it, and how often it was done since without a change.

    Attributes:
        act, seen: as of the last turn that did something.
        times: how often.
    """

    act: tuple[Any, ...] | None = None
    seen: object = None
    times: int = 0

    def check(self, decision: Decision, seen: object) -> None:
        """Refuse to do once more what has had no effect.

        Args:
            seen: what was looked at before this decision, comparable with what was looked at before the last one.

        Raises:
            TerminalError: the same was done `MOST` times, and the look shows what it showed before.
        """
        if self.act == _act(decision) and self.seen == seen and self.times >= MOST:
            self.times = MOST - 1  # once more each time that it is decided again: the way home is never given up
            raise TerminalError(
                f"{decision} was done {MOST} times and changed nothing: see who else writes the Canary's route and workloads"
            )

    def done(self, decision: Decision, seen: object) -> None:
        """Keep that it was done, after what was seen."""
        act = None if decision.action in WAITING else _act(decision)
        same = act is not None and act == self.act and seen == self.seen
        self.times = self.times + 1 if same else 1
        self.act, self.seen = act, seen


def _act(decision: Decision) -> tuple[Any, ...]:
    return decision.action, decision.step, decision.traffic
