"""An experiment whose result is there: everybody gets one variant, or its last day has passed."""

from __future__ import annotations

from datetime import UTC, datetime, time

from sluice.flags.audit.findings.base import Found, Level, Subject, Survey
from sluice.flags.flag import Flag, FlagKind

ENDS = "ends="
"""A tag or label of a flag: the last day of its experiment, `ends=2026-03-14`."""


class ExperimentOver:
    """An experiment that is over."""

    name = "experiment-over"
    said = "The experiment is over: keep the variant that everybody gets, and remove the flag and the others."
    level: Level = "warning"
    removable = True

    def find(self, subject: Subject, survey: Survey) -> Found | None:
        """A variant flag that gives everybody one variant for long, or whose last day has passed."""
        flag = subject.flag
        if flag is None or flag.kind is not FlagKind.VARIANT or survey.stays(subject):
            return None
        done = survey.done(subject)
        if done is not None:
            return done if done.value in flag.variants else None
        ended = _ended(flag)
        if ended is None or ended > survey.now:
            return None
        why = "its last day has passed, and users still get different variants: turn on the one that stays"
        return Found(since=ended, said_by="service", why=why)


def _ended(flag: Flag) -> datetime | None:
    """The end of its last day; None where it has none, or what stands there is no day."""
    for tag in flag.tags:
        if tag.startswith(ENDS):
            try:
                day = datetime.fromisoformat(tag.removeprefix(ENDS).strip()).date()
            except ValueError:
                return None
            return datetime.combine(day, time.max, UTC)
    return None
