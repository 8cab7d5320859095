"""Since when a flag is what it is: the service's word where it has one, else when the audit first saw it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sluice.flags.flag import Flag, FlagState
from sluice.manifests.conditions import rfc3339
from sluice.manifests.own.flag_audit import SeenState


@dataclass(frozen=True, slots=True)
class State:
    """What a flag is in one environment.

    Attributes:
        serves: who gets what, in words.
        everybody: what all users get; None where that is not one thing.
        since: when that began, or when it was first seen.
        said_by: who says so.
        switched_off: whether sluice's kill switch holds it: that is no end of it.
    """

    serves: str
    everybody: str | None
    since: datetime
    said_by: Literal["service", "audit"]
    switched_off: bool = False

    @property
    def seen(self) -> SeenState:
        """As the FlagAudit's status keeps it."""
        return SeenState(serves=self.serves, since=rfc3339(self.since), by=self.said_by)


def states(flag: Flag, before: Mapping[str, SeenState], now: datetime) -> dict[str, State]:
    """What a flag is in each environment.

    Args:
        flag: as the service has it now.
        before: what the last audit wrote down of it.
        now: when this one looks.
    """
    return {name: _state(state, before.get(name), now) for name, state in flag.environments.items()}


def _state(state: FlagState, before: SeenState | None, now: datetime) -> State:
    serves = f"{state.served}, switched off by sluice" if state.switched_off else str(state.served)
    since, by = state.since, "service"
    if since is None:
        by = "audit"
        since = moment(before.since) if before and before.serves == serves else None
    since = since if since is None or since.tzinfo else since.replace(tzinfo=UTC)
    # What lies in the future is a wrong clock's word.
    held = min(since or now, now)
    return State(serves, state.served.everybody, held, "service" if by == "service" else "audit", state.switched_off)


def moment(text: str) -> datetime | None:
    """A time of a status; None where it is none, as where somebody has edited it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
