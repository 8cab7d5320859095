"""Events of services: what version of one runs where."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.marks.cdevents.base import Happening, Object


@dataclass(frozen=True, slots=True)
class Service:
    """A service serves another version, or goes on serving the one before."""

    predicate: str

    @property
    def type(self) -> str:
        """By what became of it: `deployed`, `upgraded`, `rolledback`."""
        return f"dev.cdevents.service.{self.predicate}.0.3.0"

    def subject(self, happening: Happening) -> Object:
        """The service, where it runs, and the image that serves users now."""
        return {
            "id": happening.service,
            "content": {"environment": happening.place, "artifactId": happening.artifact},
        }
