"""Which events say what happens. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from sluice.marks.cdevents import pipeline_runs, suites
from sluice.marks.cdevents.base import Form, Happening, Object, event
from sluice.marks.cdevents.services import Service


class Happened(StrEnum):
    """What can happen to a release."""

    BEGUN = "begun"
    FIRST = "first"
    """The first version of a service serves users; nothing was compared with it."""
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    SUPERSEDED = "superseded"
    SUITE_STARTED = "suite started"
    SUITE_PASSED = "suite passed"
    SUITE_FAILED = "suite failed"


EVENTS: Mapping[Happened, tuple[Form, ...]] = {
    Happened.BEGUN: (pipeline_runs.Started(),),
    Happened.FIRST: (Service("deployed"),),
    Happened.PROMOTED: (Service("upgraded"), pipeline_runs.Finished("success")),
    Happened.ROLLED_BACK: (Service("rolledback"), pipeline_runs.Finished("failure")),
    Happened.SUPERSEDED: (pipeline_runs.Finished("cancel"),),
    Happened.SUITE_STARTED: (suites.Started(),),
    Happened.SUITE_PASSED: (suites.Finished("success"),),
    Happened.SUITE_FAILED: (suites.Finished("failure"),),
}


def events(happened: Happened, happening: Happening) -> tuple[Object, ...]:
    """What is sent of it, in order."""
    return tuple(event(form, happening) for form in EVENTS[happened])
