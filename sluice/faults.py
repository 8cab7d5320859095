"""What is wrong with input by a model of it: fields by their paths and a sentence each, without the library's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

MOST = 5
"""Faults that a message names: more of them say nothing more."""
_OWN = ("Value error, ", "Assertion failed, ")


def plainly(message: str) -> str:
    """A message without what the library puts before those of our own checks."""
    for own in _OWN:
        message = message.removeprefix(own)
    return message


def faults(error: ValidationError) -> str:
    """The faults as one line, such as `spec.port: Field required; spec.interval: "1" is not a duration`."""
    found = error.errors(include_url=False, include_input=False)
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return "; ".join(_fault(one) for one in found[:MOST]) + more


def _fault(fault: Mapping[str, Any]) -> str:
    path, said = ".".join(map(str, fault["loc"])), plainly(fault["msg"])
    return f"{path}: {said}" if path else said
