"""Events of test suites: the end-to-end tests that a gate waits for."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.marks.cdevents.base import Happening, Object


@dataclass(frozen=True, slots=True)
class Started:
    """A suite was started against the canary."""

    type: str = "dev.cdevents.testsuiterun.started.0.3.0"

    def subject(self, happening: Happening) -> Object:
        """The run of the suite."""
        return {
            "id": _run(happening),
            "content": {
                "environment": happening.place,
                "testSuite": _suite(happening),
                "trigger": {"type": "pipeline"},
            },
        }


@dataclass(frozen=True, slots=True)
class Finished:
    """A suite came to an end."""

    outcome: str
    type: str = "dev.cdevents.testsuiterun.finished.0.3.0"

    def subject(self, happening: Happening) -> Object:
        """The run of the suite, with its outcome."""
        content: Object = {"environment": happening.place, "testSuite": _suite(happening), "outcome": self.outcome}
        content |= {"reason": happening.reason} if happening.reason else {}
        return {"id": _run(happening), "content": content}


def _run(happening: Happening) -> str:
    return f"{happening.release}/{happening.suite or 'tests'}"


def _suite(happening: Happening) -> Object:
    name = happening.suite or "tests"
    return {"id": name, "name": name, **({"uri": happening.link} if happening.link else {})}
