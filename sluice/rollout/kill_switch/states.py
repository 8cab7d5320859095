"""What the states of flags mean to the kill switch: which can be turned off, which are, and which somebody else turned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sluice.flags.flag import FALSE, Flag, FlagKind, FlagState
from sluice.manifests.flagger.kill_switch import FailingMetric, FlagsStatus, KillSwitch, SwitchedFlag, SwitchState
from sluice.measures.counts import Counts


@dataclass(frozen=True, slots=True)
class Chosen:
    """What of the named flags there is to do.

    Attributes:
        turn: the flags that are to be turned off, by key, each with the state that it has.
        off: those that are off by this kill switch already, before its worker died.
        left: why each of the others is left as it is.
        changed: why the switch is broken off: somebody else turned a flag while it was at work.
    """

    turn: Mapping[str, FlagState]
    off: Mapping[str, FlagState]
    left: Mapping[str, str]
    changed: str = ""


def is_off(kind: FlagKind, state: FlagState) -> bool:
    """Whether nobody gets what the flag guards."""
    return state.served.everybody == FALSE if kind is FlagKind.BOOLEAN else not state.enabled


def goes_to_nobody(flag: Flag | None, state: FlagState) -> bool:
    """Whether a flag is off by the state that its service gave when it was asked to turn it off."""
    return flag is not None and is_off(flag.kind, state)


def chosen(flags: Mapping[str, Flag | None], environment: str) -> Chosen:
    """What there is to do where nothing was intended before."""
    turn, left = {}, {}
    for key, flag in flags.items():
        state = flag.environments.get(environment) if flag else None
        if flag is None or state is None:
            left[key] = f"{key} is not in the service"
        elif flag.archived:
            left[key] = f"{key} is archived"
        elif is_off(flag.kind, state):
            left[key] = f"{key} was off already"
        else:
            turn[key] = state
    return Chosen(turn, {}, left)


def resumed(intended: Sequence[SwitchedFlag], flags: Mapping[str, Flag | None], environment: str) -> Chosen:
    """What is left to do of an intent whose worker died, by what the service has now.

    A flag that is as it was before is still to be turned off. One that is off is off by that worker, or by a person who
    wanted that too. Anything else is somebody else's doing.
    """
    turn, off, changed = {}, {}, []
    for one in intended:
        flag, before = flags.get(one.key), state_of(one.before)
        state = flag.environments.get(environment) if flag else None
        if flag is None or state is None:
            changed.append(f"{one.key} is gone")
        elif is_off(flag.kind, state):
            off[one.key] = state
        elif before is not None and is_same(state, before):
            turn[one.key] = state
        else:
            changed.append(f"somebody has changed {one.key} to {state.served}")
    return Chosen(turn, off, {}, "; ".join(changed))


def is_same(now: FlagState, then: FlagState) -> bool:
    """Whether nobody turned a flag in between: by the version where the service has one, else by what it serves."""
    if now.version or then.version:
        return now.version == then.version
    return (now.enabled, now.served, now.switched_off) == (then.enabled, then.served, then.switched_off)


def state_of(kept: Mapping[str, object]) -> FlagState | None:
    """A state as the journal has it; None where it has none."""
    return FlagState.model_validate(kept) if kept else None


def intent(
    flags: FlagsStatus,
    switch: KillSwitch,
    turn: Mapping[str, FlagState],
    failing: Mapping[str, Counts],
    *,
    reason: str,
    version: str,
    now: float,
) -> FlagsStatus:
    """The journal with the intent to turn flags off, each with its state before."""
    new = [
        SwitchedFlag(
            key=key,
            service=switch.service.model_dump(mode="json", by_alias=True),
            environment=switch.meets,
            before=state.model_dump(mode="json"),
            revision=flags.revision,
            version=version,
            at=now,
        )
        for key, state in turn.items()
    ]
    counted = [FailingMetric(name=name, requests=one.requests, bad=one.bad) for name, one in failing.items()]
    update = {"state": SwitchState.SWITCHING, "reason": reason, "failing": tuple(counted)}
    return flags.model_copy(update={**update, "off": (*_others(flags, switch, turn), *new)})


def turned(flags: FlagsStatus, switch: KillSwitch, states: Mapping[str, FlagState]) -> FlagsStatus:
    """The journal with the states that flags have since they are off."""
    off = [
        one.model_copy(update={"after": states[one.key].model_dump(mode="json")})
        if one.key in states and is_of(one, switch)
        else one
        for one in flags.off
    ]
    return flags.model_copy(update={"off": tuple(off)})


def intended(flags: FlagsStatus, switch: KillSwitch) -> list[SwitchedFlag]:
    """The flags of the revision under way that are about to be turned off at the service that the manifest names."""
    mine = (one for one in flags.off if one.revision == flags.revision and not one.after)
    return [one for one in mine if is_of(one, switch)]


def is_of(one: SwitchedFlag, switch: KillSwitch) -> bool:
    """Whether a flag that was switched is one of the service and environment that the manifest names."""
    where, there = one.reference, switch.service
    return (where.type, where.address, where.namespace, one.environment) == (
        there.type,
        there.address,
        there.namespace,
        switch.meets,
    )


def _others(flags: FlagsStatus, switch: KillSwitch, keys: Mapping[str, FlagState]) -> list[SwitchedFlag]:
    return [one for one in flags.off if not (is_of(one, switch) and one.key in keys)]
