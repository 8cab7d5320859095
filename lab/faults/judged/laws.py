"""The laws: what must be true of every rollout whatever happens to the machinery. Pure: facts in, violations out.

Order is the cluster's own, by resourceVersion; times are used only where a law is about time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lab.faults.judged.cases import HARMS_USERS, Case, at_rest
from lab.faults.judged.history import History, Moment
from lab.faults.proxies.proxy import Write

BAD_BOUND_S = 25.0
"""Seconds after the verdict, or after the last fault was over, within which a bad revision must be without traffic: a
second worker's takeover (20 s) and the shift."""
ON_ITS_WAY_S = 2.0
"""Seconds that an answer may be late behind the change of the route that it was sent under."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken law: which, of which Canary, and what was seen."""

    law: str
    canary: str
    said: str
    at: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """What the laws judge by."""

    history: History
    writes: Sequence[Write]


Law = Callable[[Evidence, Case], Iterator[Violation]]


def weights_sum_to_100(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The weights of a route always sum to 100."""
    for moment in seen.history.of("httproutes", case.app, case.since):
        weights = moment.facts.get("weights", {})
        if moment.facts and (sum(weights.values()) != 100 or set(weights) != {"primary", "canary"}):
            yield Violation("weights sum to 100", case.app, f"weights {weights}", moment.at)


def traffic_goes_to_ready_versions(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Where a weight rises, the pods behind it are ready at that moment in the cluster's order."""
    if case.hit_by(HARMS_USERS):
        return  # pods that the fault itself has taken away
    before = seen.history.at("httproutes", case.app, case.since).get("weights", {})
    for moment in seen.history.of("httproutes", case.app, case.since):
        weights = moment.facts.get("weights", {})
        for half, weight in weights.items():
            if weight > before.get(half, 0) and not _ready(seen.history, f"{case.app}-{half}", moment.version):
                said = f"{half} goes from {before.get(half, 0)} to {weight} without a ready pod"
                yield Violation("traffic goes to ready versions only", case.app, said, moment.at)
        before = weights


def _ready(history: History, service: str, version: int) -> bool:
    slices = (history.at("endpointslices", name, version) for name in history.names("endpointslices"))
    return any(one.get("service") == service and one["ready"] for one in slices)


def traffic_goes_to_the_judged_version(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Where the canary's weight rises, all pods behind it run the template that its target had when it was held."""
    if case.hit_by(HARMS_USERS):
        return
    before = seen.history.at("httproutes", case.app, case.since).get("weights", {}).get("canary", 0)
    for moment in seen.history.of("httproutes", case.app, case.since):
        weight = moment.facts.get("weights", {}).get("canary", 0)
        wanted, found = _held(seen.history, case.app, moment.version), _behind(seen.history, case.app, moment.version)
        if weight > before and found - {wanted}:
            said = f"the canary goes from {before} to {weight} with pods of {', '.join(sorted(found))} for {wanted}"
            yield Violation("traffic goes to the judged version only", case.app, said, moment.at)
        before = weight


def _held(history: History, app: str, version: int) -> str:
    """The tag that the target had when it was held; its newest one where it is not."""
    tag, paused = "", False
    for moment in history.of("deployments", app):
        if moment.version > version:
            break
        if moment.facts and not (paused and moment.facts["paused"]):
            tag = moment.facts["tag"]
        paused = moment.facts.get("paused", False)
    return tag


def _behind(history: History, app: str, version: int) -> set[str]:
    """The tags of the pods that the canary's Service offers."""
    slices = (history.at("endpointslices", name, version) for name in history.names("endpointslices"))
    offered = {address for one in slices if one.get("service") == f"{app}-canary" for address in one["ready"]}
    pods = (history.at("pods", name, version) for name in history.names("pods"))
    return {pod["tag"] for pod in pods if pod and pod["app"] == app and pod["address"] in offered}


def one_actor_at_a_time(seen: Evidence, case: Case) -> Iterator[Violation]:
    """After B has taken a Canary over and written for it, nothing that A does on its older right is accepted.

    An actor is one run in one life of one process: two runs of one worker are two. Its right is its last taking of the
    Canary's Lease before the write was sent. A write by A breaks the law where B took the Lease after A did, and B's own
    write comes before A's in the cluster's order. What A still gets accepted before B's first write is harmless: B looks
    after it has taken over, not before.
    """
    mine = [one for one in seen.writes if one.act.canary == case.app and one.accepted and one.version > case.since]
    takes = [one for one in mine if one.act.what == "take lease"]
    acts = [one for one in mine if "lease" not in one.act.what and "evidence" not in one.act.what]
    acts.sort(key=lambda one: one.version)
    for act in acts:
        right = max((one.version for one in takes if _actor(one) == _actor(act) and one.done <= act.at), default=0)
        if right > act.version:
            continue  # nothing was changed: the answer carries the version of an older write
        for other in takes:
            if _actor(other) == _actor(act) or not right < other.version < act.version:
                continue
            first = next((one for one in acts if _actor(one) == _actor(other) and one.version > other.version), None)
            if first and first.version < act.version:
                said = (
                    f"{act.act.what} by {_name(act)} (version {act.version}) was accepted after {_name(other)} took the "
                    f"Lease ({other.version}) and did {first.act.what} ({first.version})"
                )
                yield Violation("one actor at a time", case.app, said, act.at)
                break


def _actor(write: Write) -> tuple[str, int, str]:
    return write.client, write.life, write.run


def _name(write: Write) -> str:
    return f"worker {write.client}, life {write.life}, run {write.run[-6:] or 'of nobody'}"


def primary_changes_by_promotion_only(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The primary's template changes only while the journal says Promoting, and only to what was released as good."""
    name = f"{case.app}-primary"
    tag = seen.history.at("deployments", name, case.since).get("tag")
    for moment in seen.history.of("deployments", name, case.since):
        new = moment.facts.get("tag")
        if new is None or new == tag:
            continue
        phase = seen.history.at("canaries", case.app, moment.version).get("phase", "")
        if phase != ("Promoting" if tag else "Initializing"):
            said = f"the primary goes from {tag} to {new} while the journal says {phase or 'nothing'}"
            yield Violation("the primary changes by promotion only", case.app, said, moment.at)
        if new.endswith(("-bad", "-never")):
            yield Violation("no bad revision is promoted", case.app, f"the primary runs {new}", moment.at)
        tag = new


def a_bad_revision_has_no_traffic(seen: Evidence, case: Case) -> Iterator[Violation]:
    """What was judged bad has no users after its bound, and none at all once its rollout has ended."""
    for tag in {tag for tag in case.tags if tag.endswith(("-bad", "-never"))}:
        answers = [one.at for one in case.answers if one.version == tag]
        if not answers:
            continue
        if tag.endswith("-never"):
            yield Violation("a bad revision has no traffic", case.app, f"users got {tag}, never ready", answers[0])
        verdict = _first(
            seen.history.of("canaries", case.app, case.since), lambda one: one.facts.get("rollback reason")
        )
        bound = max(verdict.at if verdict else 0.0, case.last_fault_over()) + BAD_BOUND_S
        if verdict and answers[-1] > bound:
            late = answers[-1] - bound
            said = f"users got {tag} until {late:.1f} s after the bound of {BAD_BOUND_S:g} s"
            yield Violation("a bad revision has no traffic", case.app, said, answers[-1])
        if case.ended and answers[-1] > case.ended + ON_ITS_WAY_S:
            said = f"users got {tag} {answers[-1] - case.ended:.1f} s after its rollout had ended"
            yield Violation("a bad revision has no traffic", case.app, said, answers[-1])


def every_rollout_ends(seen: Evidence, case: Case) -> Iterator[Violation]:
    """Every rollout comes to its end, and leaves nothing behind."""
    if case.ended is None:
        now = seen.history.now("canaries", case.app)
        primary = seen.history.now("deployments", f"{case.app}-primary").get("tag")
        rests = "at rest" if at_rest(seen.history, case.app) else "not at rest"
        said = f"{case.release.story} {case.tags}: {now.get('phase')} ({now.get('said')}), primary {primary}, {rests}"
        yield Violation("every rollout ends", case.app, said)


def users_lose_nothing(seen: Evidence, case: Case) -> Iterator[Violation]:
    """No request fails but those that the bad revision itself has answered."""
    if case.hit_by(HARMS_USERS):
        return
    failed = [one for one in case.answers if one.failed and not one.version.endswith("-bad")]
    if failed:
        first = failed[0]
        who = first.version or "nobody"
        said = f"{len(failed)} of {len(case.answers)} requests failed, the first answered by {who}: "
        yield Violation("users lose nothing", case.app, said + (first.error or str(first.status)), first.at)


def _first(moments: list[Moment], holds: Callable[[Moment], object]) -> Moment | None:
    return next((moment for moment in moments if holds(moment)), None)


LAWS: tuple[Law, ...] = (
    weights_sum_to_100,
    traffic_goes_to_ready_versions,
    traffic_goes_to_the_judged_version,
    one_actor_at_a_time,
    primary_changes_by_promotion_only,
    a_bad_revision_has_no_traffic,
    every_rollout_ends,
    users_lose_nothing,
)


def broken(seen: Evidence, case: Case) -> list[Violation]:
    """Every law that a case breaks."""
    return [violation for law in LAWS for violation in law(seen, case)]
