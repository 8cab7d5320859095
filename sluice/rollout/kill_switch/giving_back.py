"""Giving flags back: whether a flag that was switched off may be turned as it was before, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sluice.flags.flag import Flag, FlagState
from sluice.manifests.flagger.kill_switch import FlagsStatus, SwitchedFlag
from sluice.rollout.kill_switch.states import is_same, state_of


class Fate(StrEnum):
    """What becomes of a flag that the journal has as off."""

    BACK = "given back"
    AS_IT_WAS = "is as it was already"
    GONE = "is not in the service any more"
    CHANGED = "was changed by somebody else since"
    UNSURE = "is off, but whether by sluice or by a person is not known: the worker that asked for it died"


KEPT = frozenset({Fate.CHANGED, Fate.UNSURE})
"""What stays in the journal as it is, unless a person says otherwise."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done with one flag.

    Attributes:
        seen: its state now, which a turn is fenced by; None where it is gone.
    """

    entry: SwitchedFlag
    fate: Fate
    seen: FlagState | None = None
    before: FlagState | None = None


def wanted(entry: SwitchedFlag, flag: Flag | None, *, anyway: bool = False) -> Wanted:
    """What is to be done with a flag by what the service has of it now.

    Args:
        anyway: a person wants it back although somebody else turned it, or may have.
    """
    now = flag.environments.get(entry.environment) if flag and not flag.archived else None
    before, after = state_of(entry.before), state_of(entry.after)
    if now is None or before is None:
        return Wanted(entry, Fate.GONE)
    if not now.switched_off and (now.enabled, now.served) == (before.enabled, before.served):
        return Wanted(entry, Fate.AS_IT_WAS)
    ours = now.switched_off if after is None else is_same(now, after)
    if ours or anyway:
        return Wanted(entry, Fate.BACK, now, before)
    return Wanted(entry, Fate.UNSURE if after is None else Fate.CHANGED)


def without(flags: FlagsStatus, done: list[SwitchedFlag]) -> FlagsStatus:
    """The journal without flags that are not off by the kill switch any more."""
    return flags.model_copy(update={"off": tuple(one for one in flags.off if one not in done)})
