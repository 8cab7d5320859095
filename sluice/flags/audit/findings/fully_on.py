"""A flag that is on for everybody, everywhere, for long: its code is the only code there is."""

from __future__ import annotations

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey
from sluice.flags.flag import TRUE


class FullyOn:
    """On for everybody."""

    name = "fully-on"
    said = "The flag is on for everybody in every environment: keep its code, and remove the flag and the other branch."
    level: Level = "warning"
    removable = True

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """It gives `true` to everybody."""
        return survey.done(subject, TRUE)
