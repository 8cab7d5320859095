"""Which requests meet which trouble: rules that are in force for a while, seeded, and counted."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs

from lab.faults.proxies.acts import Act, canary_of, place


class Effect(StrEnum):
    """What becomes of a request."""

    TOO_MANY = "429"
    """Refused with 429 and Retry-After: 1."""
    ERROR = "500"
    """Refused with 500."""
    CONFLICT = "409"
    """A write is refused as if somebody else had been faster."""
    HANG = "hang"
    """Neither forwarded nor answered while the rule is in force; then the connection breaks."""
    SLOW = "slow"
    """Forwarded late."""
    CUT = "cut"
    """The connection breaks before the request is forwarded; open watches break as well."""
    LOSE_ANSWER = "answer lost"
    """Forwarded and done; then the connection breaks."""
    DROP_WATCHES = "watches dropped"
    """Open watches break, new ones break after a moment."""
    HOLD_WATCHES = "watches held"
    """Watches stay open and tell nothing while the rule is in force; then all at once."""
    EMPTY = "empty"
    """Prometheus answers that it has no series."""
    NAN = "nan"
    """Prometheus answers, and every value is NaN."""
    STALE = "stale"
    """Prometheus has scraped nothing since the rule came into force."""


REFUSALS = {
    Effect.TOO_MANY: (429, "TooManyRequests", "the server has received too many requests"),
    Effect.ERROR: (500, "InternalError", "etcdserver: request timed out"),
    Effect.CONFLICT: (409, "Conflict", "the object has been modified"),
}
"""Effect → HTTP status, reason and message of the Status object."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as the proxy got it.

    Attributes:
        client: which process of the installation asks.
        life: how many times that process has been started; a write of an earlier life is another actor's.
        at: when it came, seconds since the epoch.
        act: the act of a rollout that it is, for writes that are one.
        run: the flow run whose code asks; empty outside all runs.
    """

    client: str
    life: int
    at: float
    method: str
    path: str
    query: str
    content: bytes
    act: Act | None = None
    run: str = ""

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD", "OPTIONS"}

    @property
    def watches(self) -> bool:
        return "watch=true" in self.query

    @property
    def canary(self) -> str:
        """The Canary that the path names an object of; empty for collections."""
        where = place(self.path)
        return canary_of(where, None) if where and where.name else (self.act.canary if self.act else "")

    def mentions(self, name: str) -> bool:
        """Whether the request is about this Canary, by its path, its selector, or a metrics query."""
        if self.canary:
            return self.canary == name
        words = [value for values in parse_qs(self.query).values() for value in values]
        if not place(self.path):
            words += [value for values in parse_qs(self.content.decode(errors="replace")).values() for value in values]
        return any(re.search(rf"(?<![a-z0-9]){name}(?![a-z0-9])", word) for word in words)


@dataclass(slots=True, eq=False)
class Rule:
    """One trouble.

    Attributes:
        applies: whether a request meets it.
        share: the part of matching requests that meet it.
        seconds: for SLOW, how late.
        since: when it came into force, seconds since the epoch.
        over: set when it is no longer in force.
        met: how many requests have met it.
    """

    effect: Effect
    applies: Callable[[Ask], bool]
    share: float = 1.0
    seconds: float = 0.0
    since: float = field(default_factory=time.time)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    met: int = 0


class Weather:
    """The rules in force."""

    def __init__(self, seed: str) -> None:
        self._dice = random.Random(seed)
        self.rules: list[Rule] = []
        self.on_change: list[Callable[[], None]] = []

    def begin(self, rule: Rule) -> Rule:
        """Bring a rule into force."""
        self.rules.append(rule)
        for notify in self.on_change:
            notify()
        return rule

    def end(self, rule: Rule) -> None:
        """Take it out of force; what waits because of it goes on."""
        if rule in self.rules:
            self.rules.remove(rule)
        rule.over.set()
        for notify in self.on_change:
            notify()

    def end_all(self) -> None:
        """Fine weather."""
        for rule in list(self.rules):
            self.end(rule)

    def met_by(self, ask: Ask) -> Rule | None:
        """The first rule that a request meets; watches meet the rules for watches only when they get something."""
        for rule in self.rules:
            if rule.effect in {Effect.DROP_WATCHES, Effect.HOLD_WATCHES}:
                continue
            if rule.effect is Effect.CONFLICT and not ask.writes:
                continue
            if rule.effect is Effect.LOSE_ANSWER and not ask.writes:
                continue
            if rule.applies(ask) and self._dice.random() < rule.share:
                rule.met += 1
                return rule
        return None

    def over_watch(self, ask: Ask, *effects: Effect) -> Rule | None:
        """The first rule of one of these effects that is in force for a watch."""
        for rule in self.rules:
            if rule.effect in effects and rule.applies(ask):
                rule.met += 1
                return rule
        return None
