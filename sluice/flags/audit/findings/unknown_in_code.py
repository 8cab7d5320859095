"""A flag that no code asks for."""

from __future__ import annotations

from datetime import timedelta

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey


class UnknownInCode:
    """In the service, and in no repository."""

    name = "unknown-in-code"
    said = "No code of the audited repositories asks for the flag: archive it, or add the repository that does."
    level: Level = "note"
    removable = False

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """Only where every repository was read in whole, and its key stands in no other file either."""
        if subject.flag is None or subject.flag.archived or subject.uses or subject.named_in or not survey.whole:
            return None
        created = subject.flag.created_at
        if created is not None and survey.now - created < timedelta(days=survey.days):
            return None  # its code may be on its way
        composed = f"{survey.composed} places put a key together at run time and may ask for it"
        return Found(why=composed if survey.composed else "")
