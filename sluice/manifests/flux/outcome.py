"""How an attempt on one of Flux's objects ended, as its status says it: Ready or not, and what of it nobody acts on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from sluice.manifests.conditions import (
    READY,
    RECONCILING,
    Condition,
    find_condition,
    reported,
    with_condition,
    without_condition,
)
from sluice.manifests.meta import ForeignModel, ObjectMeta

Body = dict[str, Any]


class Status(Protocol):
    """What the status of each of Flux's kinds has."""

    @property
    def observed_generation(self) -> int:
        """The generation of the manifest that the status is about."""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """`status.conditions`."""


class Subject(Protocol):
    """An object of one of Flux's kinds, as it was read."""

    @property
    def metadata(self) -> ObjectMeta:
        """Its generation is what the status is about."""

    @property
    def spec(self) -> ForeignModel:
        """What is not acted on is named from here."""

    @property
    def status(self) -> Status:
        """As it was before."""


def outcome(
    one: Subject,
    ready: Condition,
    now: datetime,
    *,
    also: Iterable[str] = (),
    more: Iterable[Condition] = (),
    gone: Iterable[str] = (),
) -> Body:
    """The observed generation and the conditions of a status at the end of an attempt.

    Args:
        one: the object as it was read.
        ready: how it went.
        now: the moment, with a time zone.
        also: what else sluice does not act on, apart from fields that it does not know.
        more: further conditions.
        gone: types of conditions that do not hold any more.
    """
    generation = one.metadata.generation
    conditions = one.status.conditions
    for each in (RECONCILING, *gone):
        conditions = without_condition(conditions, each)
    for condition in (ready, *more):
        conditions = with_condition(conditions, condition.model_copy(update={"observed_generation": generation}), now)
    written = reported(conditions, [*one.spec.unsupported("spec"), *also], generation, now)
    return {"observedGeneration": generation, "conditions": [each.model_dump(by_alias=True) for each in written]}


def says(one: Subject, ready: Condition) -> bool:
    """Whether the status says this already, of the manifest as it is."""
    old = find_condition(one.status.conditions, READY)
    unchanged = old is not None and (old.status, old.message) == (ready.status, ready.message)
    return unchanged and observed(one)


def observed(one: Subject) -> bool:
    """Whether the status is about the manifest as it is."""
    return one.status.observed_generation == one.metadata.generation
