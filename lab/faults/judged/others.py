"""The laws about what is somebody else's: how many pods an autoscaler or a person gave, and objects of other owners."""

from __future__ import annotations

from collections.abc import Iterator

from lab.faults.applications.base import PRIMARY
from lab.faults.judged.cases import Case
from lab.faults.judged.evidence import Evidence, Law, Violation


def pods_that_were_given_are_kept(seen: Evidence, case: Case) -> Iterator[Violation]:
    """No write of sluice's takes pods away that an autoscaler or a person gave; but a target's all at once, at the end."""
    own = {one.version for one in seen.writes if one.accepted and one.act.canary == case.app}
    for place in (case.target, case.primary):
        before = seen.history.at(*place, case.since).get("pods", 0)
        for moment in seen.history.of(*place, case.since):
            pods = moment.facts.get("pods", 0)
            rests = pods == 0 and place == case.target
            if moment.facts and pods < before and moment.version in own and not rests:
                said = f"{'/'.join(place)} goes from {before} to {pods} pods by a write of sluice's"
                yield Violation("pods that were given are kept", case.app, said, moment.at)
            before = pods


def an_autoscaler_is_its_users(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The target's autoscaler is never written by sluice."""
    for write in seen.writes:
        if write.act.canary == case.app and write.act.what == "write autoscaler" and write.accepted:
            yield Violation("an autoscaler is its users'", case.app, "the target's autoscaler was written", write.done)


def a_primary_has_the_autoscaler_of_its_target(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Once a rollout has ended there is a copy that scales the primary, by numbers that the target's has had in it."""
    if case.shape.autoscaler is None or case.ended is None:
        return
    mine, copied = case.shape.autoscaler.named(case.app), case.shape.autoscaler.named(f"{case.app}-{PRIMARY}")
    source = [seen.history.at(*mine, case.since), *(one.facts for one in seen.history.of(*mine, case.since))]
    wanted = [{**facts, "scales": f"{case.app}-{PRIMARY}"} for facts in source if facts]
    found = seen.history.now(*copied)
    if found not in wanted:
        said = f"{'/'.join(copied)} is {found or 'not there'}, wanted {wanted[-1] if wanted else 'nothing'}"
        yield Violation("a primary has the autoscaler of its target", case.app, said, case.ended)


LAWS: tuple[Law, ...] = (
    pods_that_were_given_are_kept,
    an_autoscaler_is_its_users,
    a_primary_has_the_autoscaler_of_its_target,
)
