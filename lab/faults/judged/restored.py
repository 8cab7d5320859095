"""The law about what people take away: it is there again in time. Pure; time is the observer's."""

from __future__ import annotations

from collections.abc import Iterator

from lab.faults.judged.cases import CORRECTED_S, Case
from lab.faults.judged.evidence import Evidence, Law, Violation


def what_is_deleted_is_restored(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The route and the primary are there again in time after somebody deleted them."""
    for kind, place in (("delete route", case.route), ("delete primary", case.primary)):
        line = seen.history.of(*place, case.since)
        existed = bool(seen.history.at(*place, case.since))
        for moment, following in zip(line, [*line[1:], None], strict=False):
            gone, existed = existed and not moment.facts, existed or bool(moment.facts)
            until = following.at if following else case.ended
            if gone and (until is None or until - moment.at - case.unattended(moment.at, until) > CORRECTED_S[kind]):
                said = f"{'/'.join(place)} was gone for more than {CORRECTED_S[kind]:g} s"
                yield Violation("what is deleted is restored", case.app, said, moment.at)


LAWS: tuple[Law, ...] = (what_is_deleted_is_restored,)
