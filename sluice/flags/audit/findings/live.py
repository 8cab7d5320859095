"""A flag that does what flags are for."""

from __future__ import annotations

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey


class Live:
    """In use."""

    name = "live"
    said = "The flag is in use."
    level: Level = "none"
    removable = False

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """What none of the others is about."""
        if survey.stays(subject):
            return Found(why="it is meant to stay")
        if subject.flag is not None and not subject.uses:
            if subject.named_in:
                return Found(why=f"no code that sluice reads asks for it; its key stands in {subject.named_in[0]}")
            return Found(why="no code was seen to ask for it" if survey.whole else "not every repository could be read")
        return Found()
