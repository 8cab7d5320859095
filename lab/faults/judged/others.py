"""The laws about what is somebody else's: how many pods an autoscaler or a person gave, and objects of other owners."""

from __future__ import annotations

from collections.abc import Iterator

from lab.faults.applications.base import CANARY, NEIGHBOUR, PRIMARY, neighbour_of
from lab.faults.judged.cases import HARMS_USERS, Case
from lab.faults.judged.evidence import Evidence, Law, Violation
from lab.faults.judged.history import Moment

SPEC = ("tag", "round", "pods", "frozen")
"""What a Deployment's users wrote of it; how many of its pods are there is not what they wrote."""
HARMS_NEIGHBOURS = HARMS_USERS - {"oom"}
"""Faults that cost the users of a neighbour requests: an application's pods that are killed do not."""


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


def neighbours_never_meet(seen: Evidence, case: Case) -> Iterator[Violation]:
    """No Service offers pods of the other one, and no user gets an answer of the other one's, however alike their labels."""
    if not case.shape.neighbour:
        return
    law, neighbour = "neighbours never meet", neighbour_of(case.app)
    for moment in _slices(seen, {case.app, f"{case.app}-{PRIMARY}", f"{case.app}-{CANARY}", neighbour}, case.since):
        service, strange = moment.facts["service"], _strange(seen, moment, case, neighbour)
        if strange:
            yield Violation(law, case.app, f"{service} offers pods of {', '.join(sorted(strange))}", moment.at)
    for who, answers, meets in ((case.app, case.answers, True), (neighbour, case.others, False)):
        lost = [one for one in answers if one.version and (one.version == NEIGHBOUR) is meets]
        if lost:
            said = f"{len(lost)} users of {who} got an answer of the other one's, the first by {lost[0].version}"
            yield Violation(law, case.app, said, lost[0].at)


def _slices(seen: Evidence, services: set[str], since: int) -> list[Moment]:
    history = seen.history
    moments = [one for name in history.names("endpointslices") for one in history.of("endpointslices", name, since)]
    return [one for one in moments if one.facts.get("service") in services]


def _strange(seen: Evidence, moment: Moment, case: Case, neighbour: str) -> set[str]:
    """The instances whose pods a Service offers, and that are not its own."""
    own = neighbour if moment.facts["service"] == neighbour else case.app
    pods = (seen.history.at("pods", name, moment.version) for name in seen.history.names("pods"))
    return {pod["instance"] for pod in pods if pod and pod["address"] in moment.facts["ready"]} - {own}


def a_neighbour_is_left_alone(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Its Deployments stay what they are, nothing of it is written by sluice, and its users lose nothing."""
    if not case.shape.neighbour:
        return
    law, neighbour = "a neighbour is left alone", neighbour_of(case.app)
    for write in seen.writes:
        if write.act.canary == neighbour and write.accepted:
            yield Violation(law, case.app, f"{write.act.what} was done to {neighbour}", write.done)
    for name in (neighbour, f"{neighbour}-{PRIMARY}"):
        before = seen.history.at("deployments", name, case.since)
        for moment in seen.history.of("deployments", name, case.since):
            changed = [field for field in SPEC if before and moment.facts.get(field) != before[field]]
            if changed:
                yield Violation(law, case.app, f"{', '.join(changed)} of Deployment {name} changed", moment.at)
    failed = [] if case.hit_by(HARMS_NEIGHBOURS) else [one for one in case.others if one.failed]
    if failed:
        said = (
            f"{len(failed)} of {len(case.others)} requests to {neighbour} failed: {failed[0].error or failed[0].status}"
        )
        yield Violation(law, case.app, said, failed[0].at)


LAWS: tuple[Law, ...] = (
    pods_that_were_given_are_kept,
    an_autoscaler_is_its_users,
    a_primary_has_the_autoscaler_of_its_target,
    neighbours_never_meet,
    a_neighbour_is_left_alone,
)
