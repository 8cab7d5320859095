"""What holds a release by the clock: windows that are closed, and freezes. It stays where it is, or goes home.

What goes home is never held: this says only why nothing goes forward, and which window sends a release home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sluice.gates.freezes import frozen, sentence
from sluice.gates.windows.state import WindowState
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.freeze import Freeze
from sluice.manifests.own.gate import Gate

FROM_THE_START = frozenset({"confirm-rollout", "pre-rollout"})
"""Points by which a window is for the whole of a release. One for others alone is asked there, and holds nothing else."""
LetBe = Callable[[str], str]
"""Who has let a Gate or a Freeze be for this revision, by its `namespace/name`; empty for nobody."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds a release at a moment.

    Attributes:
        held: why nothing goes forward, for people; empty where it may.
        home: why it goes home; empty where it does not.
        until: when that changes without anybody doing anything; None where no change is known.
        by: what it is held by, and sent home by: equal where nothing of it changed, however the sentence is put.
    """

    held: str = ""
    home: str = ""
    until: datetime | None = None
    by: tuple[str, ...] = ()


NOTHING_HOLDS = Holding()


def holding(
    gates: Iterable[Gate],
    freezes: Iterable[Freeze],
    canary: Canary,
    now: datetime,
    *,
    home: str,
    cluster: str,
    let_be: LetBe,
    state_of: Callable[[Gate, datetime], WindowState],
) -> Holding:
    """What holds a Canary's release now.

    Args:
        gates: those that have a say in it, of every kind.
        freezes: of all namespaces.
        canary: whose release; its journal says whether users have met it.
        now: the moment.
        home: sluice's own namespace.
        cluster: the name of this cluster.
        let_be: whom people have let be.
        state_of: the state of a Gate's window.
    """
    windows = [(gate, state_of(gate, now)) for gate in gates if gate.spec.window and FROM_THE_START & set(gate.spec.at)]
    closed = [(gate, state) for gate, state in windows if not state.open and not let_be(gate.key)]
    met = canary.status.begun
    home_by = [(gate, state) for gate, state in closed if met and _on_close(gate) == "goHome"]
    held_by = [(gate, state) for gate, state in closed if not met or _on_close(gate) == "hold"]
    found = frozen(freezes, canary, home=home, cluster=cluster, now=now)
    ice = [freeze.key for freeze, one in found if one.holds and not let_be(freeze.key)]
    parts = [_said(gate, state, now) for gate, state in held_by]
    changes = [state.until for _, state in windows] + [one.until for _, one in found]
    return Holding(
        "; ".join(part for part in [*parts, sentence(found, now, let_be)] if part),
        "; ".join(_said(gate, state, now) for gate, state in home_by),
        min((one for one in changes if one), default=None),
        tuple([f"held {gate.key}" for gate, _ in held_by] + [f"home {gate.key}" for gate, _ in home_by] + ice),
    )


def _on_close(gate: Gate) -> str:
    return gate.spec.window.on_close if gate.spec.window else ""


def _said(gate: Gate, state: WindowState, now: datetime) -> str:
    zone = gate.spec.window.time_zone if gate.spec.window else "UTC"
    return f"window {gate.key} is {state.sentence(zone, now)}"
