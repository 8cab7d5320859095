"""What becomes of an end-to-end suite: from the intent to start it to its end, by what the journal keeps of it.

A suite is never started twice for one release of a revision, whatever dies. The intent is in the journal before the start;
who finds an intent that is not his own looks first whether the suite was started, by the key that the start carried.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Self

from sluice.errors import InvalidError
from sluice.manifests.own.gates.suite import PLACES

FASTEST, SLOWEST = 5.0, 60.0
"""Seconds between two looks at a suite: the tenth part of how long it runs already, within these bounds."""
SEEN_WITHIN = 600.0
"""Seconds after which a start that was accepted has to be found."""
KEY = re.compile(r"sluice-[0-9a-f]{20}-\d+")
"""Any key of any suite."""
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Stage(StrEnum):
    """How far a suite is."""

    INTENDED = "intended"
    """It is to be started, and may have been."""
    SOUGHT = "sought"
    """Whether it was started is looked up."""
    ACCEPTED = "accepted"
    """It was started, by a service that does not say which run that is."""
    RUNNING = "running"
    PASSED = "passed"
    REFUSED = "refused"
    """Tests failed, or it could not be run."""
    OVER = "over"
    """Its time is over, and what runs is to be cancelled."""


TRANSITIONS: Mapping[Stage, frozenset[Stage]] = {
    Stage.INTENDED: frozenset({Stage.SOUGHT, Stage.ACCEPTED, Stage.RUNNING, Stage.OVER}),
    Stage.SOUGHT: frozenset({Stage.INTENDED, Stage.RUNNING, Stage.REFUSED, Stage.OVER}),
    Stage.ACCEPTED: frozenset({Stage.RUNNING, Stage.REFUSED, Stage.OVER}),
    Stage.RUNNING: frozenset({Stage.INTENDED, Stage.PASSED, Stage.REFUSED, Stage.OVER}),
    Stage.PASSED: frozenset(),
    Stage.REFUSED: frozenset(),
    Stage.OVER: frozenset({Stage.REFUSED}),
}
"""What may follow what; `INTENDED` after `RUNNING` is another attempt, with another key."""


class Outcome(StrEnum):
    """What a service says of a suite."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    """Its tests failed."""
    BROKEN = "broken"
    """Infrastructure failed it: nothing is known of the tests."""


@dataclass(frozen=True, slots=True)
class SuiteState:
    """What the journal keeps of a suite.

    Attributes:
        base: the key of the suite without its attempt.
        at: when this stage began, seconds since the epoch.
        since: when the attempt was intended first.
        id, url: of the run, as its service names it, and for people.
        said: the last thing to be said of it, for people.
    """

    stage: Stage
    base: str
    attempt: int = 1
    at: float = 0.0
    since: float = 0.0
    id: str = ""
    url: str = ""
    said: str = ""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self | None:
        """It, from the journal; None where there is none."""
        if not kept.get("base"):
            return None
        known = {name: kept[name] for name in cls.__slots__ if name in kept}
        return cls(**{**known, "stage": Stage(kept["stage"])})

    @property
    def kept(self) -> dict[str, Any]:
        """It, for the journal."""
        return {**asdict(self), "stage": str(self.stage)}

    @property
    def key(self) -> str:
        """What tells this attempt from all others: a name of an object, too."""
        return f"{self.base}-{self.attempt}"

    @property
    def ended(self) -> bool:
        """Whether nothing more becomes of it."""
        return not TRANSITIONS[self.stage]

    def to(self, stage: Stage, **changed: Any) -> Self:
        """It, at another stage.

        Raises:
            ValueError: that cannot follow.
        """
        if stage not in TRANSITIONS[self.stage]:
            raise ValueError(f"a suite that is {self.stage} cannot become {stage}")
        return replace(self, stage=stage, **changed)

    def pace(self, now: float) -> float:
        """Seconds until the next look."""
        return min(max((now - self.since) / 10, FASTEST), SLOWEST)


def intended(canary: str, revision: str, gate: str, now: float) -> SuiteState:
    """The intent to start a suite for one release of a revision.

    Args:
        canary: uid.
        revision: hash.
        gate: uid, or its name where it has none.
        now: when: somebody who tries a refused revision once more has its suite run once more.
    """
    text = "\n".join((canary, revision, gate, repr(now)))
    base = f"sluice-{hashlib.sha256(text.encode()).hexdigest()[:20]}"
    return SuiteState(Stage.INTENDED, base, at=now, since=now)


def after(state: SuiteState, outcome: Outcome, said: str, attempts: int, now: float) -> SuiteState:
    """What a running suite becomes by what its service says.

    Args:
        attempts: how often it is started at most.
    """
    if outcome is Outcome.PASSED:
        return state.to(Stage.PASSED, at=now, said=said)
    if outcome is Outcome.FAILED:
        return state.to(Stage.REFUSED, at=now, said=said or "tests failed")
    if outcome is Outcome.RUNNING:
        return state
    if state.attempt < attempts:
        following = state.to(Stage.INTENDED, attempt=state.attempt + 1, at=now, since=now, id="", url="")
        return replace(following, said=f"infrastructure failed attempt {state.attempt} of {attempts} ({said})")
    times = "once" if state.attempt == 1 else f"{state.attempt} times"
    return state.to(Stage.REFUSED, at=now, said=f"infrastructure failed it {times}: {said}")


def filled(text: str, values: Mapping[str, str], field: str) -> str:
    """A text of a Gate's with its places filled in.

    Raises:
        InvalidError: it names one that there is not; the message names the field.
    """

    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            raise InvalidError(f"suite.{field}: {{{{ {place[1]} }}}} is no place; there are {', '.join(PLACES)}")
        return values[place[1]]

    return _PLACE.sub(value, text)
