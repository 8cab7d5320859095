"""A flag as Flipt defines it, in one form for v1, v2 and files, and who gets what of it.

How Flipt evaluates (flipt-io/flipt, `internal/server/evaluation/evaluation.go`): of a boolean flag the rollouts are asked in
order, and only where none catches a user the flag's switch is the answer: a flag whose switch is off can be on for users.
All percentages use one hash of the user, so the users below 10 % are among those below 25 %. Of a variant flag that is
disabled users get the default variant, else the first rule that catches them splits them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from sluice.flags.flag import FALSE, TRUE, Flag, FlagKind, FlagState, Served

OFF_MARK = "sluice: off for everybody"
"""Description of the rollout that covers all others of a boolean flag."""
SHARE_MARK = "sluice: progressive"
"""Description of the rollout whose percentage sluice raises."""
OPERATOR_AND = "AND_SEGMENT_OPERATOR"
ARCHIVED = "archived"
"""Key of the metadata that says so: Flipt has no archive, and what is deleted from v1 cannot be brought back."""


class Part(BaseModel):
    """One variant's part of the users that a rule catches."""

    model_config = ConfigDict(frozen=True)
    variant: str
    rollout: float
    id: str = ""


class Rule(BaseModel):
    """Of a variant flag: whom it catches, and how it splits them."""

    model_config = ConfigDict(frozen=True)
    segments: tuple[str, ...] = ()
    operator: str = ""
    parts: tuple[Part, ...] = ()
    id: str = ""


class Rollout(BaseModel):
    """Of a boolean flag: whom it catches, by a percentage or by segments, and what they get."""

    model_config = ConfigDict(frozen=True)
    value: bool
    percentage: float | None = None
    segments: tuple[str, ...] = ()
    operator: str = ""
    description: str = ""
    id: str = ""


class Definition(BaseModel):
    """A flag of one namespace in one environment.

    Attributes:
        everyone: segments of the namespace that have no constraint: they catch all users.
        since: when the latest of its parts changed, where the service says.
    """

    model_config = ConfigDict(frozen=True)
    key: str
    kind: FlagKind = FlagKind.VARIANT
    name: str = ""
    description: str = ""
    enabled: bool = False
    variants: tuple[str, ...] = ()
    default: str = ""
    rules: tuple[Rule, ...] = ()
    rollouts: tuple[Rollout, ...] = ()
    metadata: dict[str, str] = {}
    everyone: frozenset[str] = frozenset()
    since: datetime | None = None
    created_at: datetime | None = None

    @property
    def version(self) -> str:
        """A digest of all that decides who gets what: equal however the flag was read, alone or in a list."""
        rollouts = [(one.value, one.percentage, *_who(one)) for one in self.rollouts]
        rules = [([(part.variant, part.rollout) for part in one.parts], *_who(one)) for one in self.rules]
        universal = sorted(self.everyone & set(self._segments()))
        counted = (self.key, self.kind, self.enabled, self.variants, self.default, rules, rollouts, universal)
        return hashlib.sha256(repr((*counted, sorted(self.metadata.items()))).encode()).hexdigest()[:32]

    @property
    def covered(self) -> bool:
        """Whether sluice's own rollout comes before all others and turns it off."""
        return bool(self.rollouts) and self.rollouts[0].description == OFF_MARK

    def state(self) -> FlagState:
        """As `Flag` has it."""
        return FlagState(
            enabled=self.enabled,
            served=self.served(),
            since=self.since,
            version=self.version,
            switched_off=self.covered,
        )

    def flag(self, environment: str) -> Flag:
        """With its state in the one environment that this is of."""
        return Flag(
            key=self.key,
            kind=self.kind,
            environments={environment: self.state()},
            variants=self.variants,
            archived=self.metadata.get(ARCHIVED) == TRUE,
            description=self.description,
            created_at=self.created_at,
            tags=tuple(f"{key}={value}" for key, value in sorted(self.metadata.items())),
        )

    def served(self) -> Served:
        """Who gets what."""
        shares, special = self._boolean() if self.kind is FlagKind.BOOLEAN else self._variant()
        values = {value for value, percent in shares.items() if percent > 0}
        everything = values | special
        if len(everything) == 1:
            only = everything.pop()
            return Served(everybody=only or None)
        split = {value: round(percent, 4) for value, percent in shares.items() if percent > 0 or not special}
        return Served(shares=split, rules=bool(special))

    def catches_all(self, segments: Iterable[str], operator: str) -> bool:
        """Whether a rule with these segments catches every user."""
        known = [segment in self.everyone for segment in segments]
        return all(known) if operator == OPERATOR_AND else any(known)

    def _boolean(self) -> tuple[dict[str, float], set[str]]:
        """Percent of the users whom no segment catches, by value; and what those get whom one catches."""
        shares, special, reached = {TRUE: 0.0, FALSE: 0.0}, set[str](), 0.0
        for one in self.rollouts:
            value = TRUE if one.value else FALSE
            if one.percentage is not None:
                shares[value] += max(one.percentage - reached, 0.0)
                reached = max(reached, min(one.percentage, 100.0))
            elif self.catches_all(one.segments, one.operator):
                shares[value] += 100.0 - reached
                return shares, special
            elif reached < 100.0:
                special.add(value)
        shares[TRUE if self.enabled else FALSE] += 100.0 - reached
        return shares, special

    def _variant(self) -> tuple[dict[str, float], set[str]]:
        special = set[str]()
        for one in self.rules if self.enabled else ():
            parts = [part for part in one.parts if part.rollout > 0]
            whole = sum(part.rollout for part in parts)
            shares = {part.variant: 0.0 for part in parts} or {self.default: 100.0}
            for part in parts:
                shares[part.variant] += part.rollout / whole * 100.0
            if self.catches_all(one.segments, one.operator):
                return shares, special
            special |= set(shares)
        return {self.default: 100.0}, special

    def _segments(self) -> Iterable[str]:
        for rule in self.rules:
            yield from rule.segments
        for rollout in self.rollouts:
            yield from rollout.segments


def _who(one: Rule | Rollout) -> tuple[tuple[str, ...], bool]:
    return tuple(sorted(one.segments)), one.operator == OPERATOR_AND
