"""What a wish changes of a flag of Flipt: few small edits, each of which v1, v2 and files can make in their own way."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from sluice.errors import StaleError, TerminalError
from sluice.flags.flag import FALSE, TRUE, FlagKind, Turn, Wish
from sluice.flags.flipt.definition import ARCHIVED, OFF_MARK, SHARE_MARK, Definition, Rollout

TOLERANCE = 0.001
"""Percent: Flipt keeps them in 32 bits."""


class Edits(BaseModel):
    """What is to be changed, in this order; None or empty for what stays.

    Attributes:
        percentage: index of a rollout, and its new percentage.
        parts: index of a rule, and the new percentage of each of its variants.
        first: a rollout that is put before all others.
        last: a rollout that is put behind all others.
        lead: index of a rollout that is there and has to come first.
        drop: index of a rollout that is removed.
        enabled: the switch.
        archived: marked as such.
    """

    model_config = ConfigDict(frozen=True)
    percentage: tuple[int, float] | None = None
    parts: tuple[int, dict[str, float]] | None = None
    first: Rollout | None = None
    last: Rollout | None = None
    lead: int | None = None
    drop: int | None = None
    enabled: bool | None = None
    archived: bool | None = None

    @property
    def nothing(self) -> bool:
        """Whether all is as it is wished."""
        return self == Edits()


def edits(flag: Definition, wish: Wish) -> Edits:
    """What brings the flag to the wish.

    Raises:
        TerminalError: the flag is not made for that; the message has the way out.
    """
    if wish.turn is Turn.OFF:
        return _off(flag)
    if wish.turn is Turn.RESTORE:
        return _restore(flag, wish)
    if wish.turn is Turn.ON and flag.kind is FlagKind.BOOLEAN and not _foreign(flag):
        # What sluice raised to the end leaves nothing behind: the switch says it, and its own rollout goes.
        return Edits(enabled=None if flag.enabled else True, drop=_marked(flag, SHARE_MARK))
    percent = 100.0 if wish.turn is Turn.ON else wish.share
    return _boolean_share(flag, percent) if flag.kind is FlagKind.BOOLEAN else _variant_share(flag, wish, percent)


def decided(flag: Definition, wish: Wish, seen: str, where: str) -> Edits:
    """What brings the flag to the wish, if it is still as it was when the wish was decided on, or is as wished already.

    Args:
        flag: as it is now.
        seen: its version then.
        where: for messages: whose flag it is.

    Raises:
        StaleError: somebody else changed it.
        TerminalError: the flag is not made for that.
    """
    try:
        made = edits(flag, wish)
    except TerminalError:
        if flag.version == seen:
            raise
        made = None
    if made is None or (not made.nothing and flag.version != seen):
        raise StaleError(f"flag {flag.key} of {where} was changed by somebody else: it is {flag.served()}")
    return made


def fulfilled(flag: Definition, wish: Wish) -> bool:
    """Whether a flag is as it is wished, as far as a service keeps percentages exactly."""
    try:
        made = edits(flag, wish)
    except TerminalError:
        return False
    asked: list[tuple[float, float]] = []
    if made.percentage is not None:
        at, percent = made.percentage
        asked.append((percent, flag.rollouts[at].percentage or 0.0))
    if made.parts is not None:
        at, wanted = made.parts
        asked += [(wanted[part.variant], part.rollout) for part in flag.rules[at].parts]
    near = all(math.isclose(one, other, abs_tol=TOLERANCE) for one, other in asked)
    return near and made.model_copy(update={"percentage": None, "parts": None}).nothing


def after(flag: Definition, made: Edits) -> Definition:
    """The flag as the edits leave it; `since` and ids of what is new are the service's to say."""
    rollouts, rules = list(flag.rollouts), list(flag.rules)
    if made.percentage is not None:
        at, percent = made.percentage
        rollouts[at] = rollouts[at].model_copy(update={"percentage": percent})
    if made.parts is not None:
        at, wanted = made.parts
        parts = tuple(part.model_copy(update={"rollout": wanted[part.variant]}) for part in rules[at].parts)
        rules[at] = rules[at].model_copy(update={"parts": parts})
    if made.lead is not None:
        rollouts.insert(0, rollouts.pop(made.lead))
    if made.drop is not None:
        del rollouts[made.drop]
    rollouts = [*([made.first] if made.first else []), *rollouts, *([made.last] if made.last else [])]
    changed: dict[str, object] = {"rollouts": tuple(rollouts), "rules": tuple(rules)}
    if made.enabled is not None:
        changed["enabled"] = made.enabled
    if made.archived is not None:
        changed["metadata"] = {**flag.metadata, ARCHIVED: TRUE if made.archived else FALSE}
    return flag.model_copy(update=changed)


def _off(flag: Definition) -> Edits:
    if flag.kind is FlagKind.VARIANT:
        return Edits(enabled=False if flag.enabled else None)
    if flag.covered or flag.served().everybody == FALSE:
        return Edits()
    if (ours := _marked(flag, OFF_MARK)) is not None:  # made, and not yet first: its writer stopped between the two
        return Edits(lead=ours)
    if not flag.rollouts:
        return Edits(enabled=False)
    return Edits(first=Rollout(value=False, percentage=100.0, description=OFF_MARK))


def _restore(flag: Definition, wish: Wish) -> Edits:
    if flag.kind is FlagKind.BOOLEAN and (ours := _marked(flag, OFF_MARK)) is not None:
        return Edits(drop=ours)
    return Edits(enabled=wish.enabled if flag.enabled != wish.enabled else None)


def _boolean_share(flag: Definition, percent: float) -> Edits:
    if (ours := _marked(flag, OFF_MARK)) is not None:
        raise TerminalError(
            f"flag {flag.key} is switched off by rollout {ours + 1}: restore it before its share is changed"
        )
    switch = False if flag.enabled else None
    at = _marked(flag, SHARE_MARK)
    if at is None:
        # One that is there already is a person's own progressive rollout: it is carried on, not put next to it.
        found = [index for index, one in enumerate(flag.rollouts) if one.percentage is not None and one.value]
        at = found[0] if len(found) == 1 else None
    if at is None:
        return Edits(last=Rollout(value=True, percentage=percent, description=SHARE_MARK), enabled=switch)
    same = flag.rollouts[at].percentage == percent
    return Edits(percentage=None if same else (at, percent), enabled=switch)


def _variant_share(flag: Definition, wish: Wish, percent: float) -> Edits:
    if wish.value not in flag.variants:
        known = ", ".join(flag.variants) or "none"
        raise TerminalError(f"flag {flag.key} has no variant {wish.value!r}: it has {known}")
    switch = True if not flag.enabled else None
    for index, rule in enumerate(flag.rules):
        if not flag.catches_all(rule.segments, rule.operator):
            continue
        wanted = _parts(flag, index, wish, percent)
        same = {part.variant: part.rollout for part in rule.parts} == wanted
        return Edits(parts=None if same else (index, wanted), enabled=switch)
    raise TerminalError(
        f"flag {flag.key} has no rule for all users to share out {wish.value!r} by: give it a rule for a segment without "
        "constraints, with a distribution for each of the two variants"
    )


def _parts(flag: Definition, index: int, wish: Wish, percent: float) -> dict[str, float]:
    """The new percentages of a rule's variants: the wish's, and the rest for the other one."""
    others = [part.variant for part in flag.rules[index].parts if part.variant != wish.value]
    rest = wish.rest or (others[0] if len(others) == 1 else "")
    names = {part.variant for part in flag.rules[index].parts}
    if wish.value not in names or rest not in names:
        raise TerminalError(
            f"rule {index + 1} of flag {flag.key} has no distribution for {wish.value!r} and one other variant: "
            "add them, or name the other one"
        )
    return {name: percent if name == wish.value else 100.0 - percent if name == rest else 0.0 for name in sorted(names)}


def _foreign(flag: Definition) -> bool:
    """Whether it has rollouts besides the one that sluice raises."""
    return any(one.description != SHARE_MARK for one in flag.rollouts)


def _marked(flag: Definition, mark: str) -> int | None:
    return next((index for index, one in enumerate(flag.rollouts) if one.description == mark), None)
