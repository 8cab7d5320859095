"""A flag that code asks for and the service does not have: users always get the default of the call."""

from __future__ import annotations

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey


class UnknownInService:
    """In the code, and not in the service."""

    name = "unknown-in-service"
    said = "The service has no such flag: everybody gets the default that the code names. Make the flag, or remove it."
    level: Level = "error"
    removable = False

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """Code asks for it, and it is not there or archived."""
        if not survey.lacks(subject):
            return None
        archived = subject.flag is not None and subject.flag.archived
        return Found(why="it is archived in the service" if archived else "")
