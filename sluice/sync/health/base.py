"""What is said of an object's readiness, and what each rule stands on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Object = dict[str, Any]


class State(StrEnum):
    """Where an object is on its way to what its manifest asks for."""

    CURRENT = "Current"
    """It is as its manifest wants it, and works."""
    IN_PROGRESS = "InProgress"
    """Its controller is at work, or has not begun."""
    FAILED = "Failed"
    """Its controller has given up, or says that it is stuck. It may still recover."""
    TERMINATING = "Terminating"
    """Somebody has deleted it."""
    NOT_FOUND = "NotFound"
    """It is not there."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is said of an object, and why."""

    state: State
    why: str = ""


Rule = Callable[[Object], Health]
"""How objects of one kind are read, where nothing general is to be said of them first."""
READY = Health(State.CURRENT)


def working(why: str) -> Health:
    """In progress."""
    return Health(State.IN_PROGRESS, why)


def broken(why: str) -> Health:
    """Failed."""
    return Health(State.FAILED, why)


def status_of(item: Object) -> Object:
    """`status`, empty where there is none."""
    return item.get("status") or {}


def spec_of(item: Object) -> Object:
    """`spec`, empty where there is none."""
    return item.get("spec") or {}


def condition(item: Object, name: str) -> tuple[str, str, str]:
    """Status, reason and message of a condition; empty where there is none."""
    for one in status_of(item).get("conditions") or []:
        if isinstance(one, dict) and one.get("type") == name:
            return str(one.get("status", "")), str(one.get("reason", "")), str(one.get("message", ""))
    return "", "", ""


def count(of: Object, name: str, default: int = 0) -> int:
    """A number of a status or a spec."""
    value = of.get(name)
    return default if value is None else int(value)
