"""A flag that is off for everybody, everywhere, for long: its code never runs."""

from __future__ import annotations

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey
from sluice.flags.flag import FALSE


class FullyOff:
    """Off for everybody."""

    name = "fully-off"
    said = "The flag is off for everybody in every environment: its code never runs, and leaves with the flag."
    level: Level = "warning"
    removable = True

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """It gives `false` to everybody. One that the kill switch holds is not done."""
        return survey.done(subject, FALSE)
