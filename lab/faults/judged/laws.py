"""The laws about a rollout: what must be true of it whatever happens to the machinery. Pure: facts in, violations out.

Order is the cluster's own, by resourceVersion; times are used only where a law is about time. Where users are at a moment is
judged in `traffic.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.faults.applications.base import INTERVAL_S
from lab.faults.judged import others, restored, traffic
from lab.faults.judged.cases import COSTS_S, HARMS_USERS, Case, at_rest
from lab.faults.judged.evidence import Evidence, Law, Violation
from lab.faults.judged.history import AT_REST, Facts, Moment
from lab.faults.proxies.proxy import Write

BAD_BOUND_S = 25.0
"""Seconds after the verdict, or after the last fault was over, within which a bad revision must be without traffic: a
second worker's takeover (20 s) and the shift."""
ON_ITS_WAY_S = 2.0
"""Seconds that an answer may be late behind the change of the route that it was sent under."""
WATCH_LATE_S = 1.0
"""Seconds that the observer may learn of a journal's entry later than of another one."""


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
        right = max((one.version for one in takes if _acts_for(act, one) and one.done <= act.at), default=0)
        if right > act.version:
            continue  # nothing was changed: the answer carries the version of an older write
        for other in takes:
            if _acts_for(act, other) or not right < other.version < act.version:
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


def _acts_for(act: Write, taking: Write) -> bool:
    """Whether an act is done under this taking of the Lease, or a later one of the same actor."""
    return _actor(act) == _actor(taking) or (not act.run and _actor(act)[:2] == _actor(taking)[:2])


def _name(write: Write) -> str:
    return f"worker {write.client}, life {write.life}, {f'run {write.run[-6:]}' if write.run else 'its keeper'}"


def primary_changes_by_promotion_only(seen: Evidence, case: Case) -> Iterator[Violation]:
    """The primary's template changes only while the journal says Promoting, and only to what was released as good."""
    tag = seen.history.at(*case.primary, case.since).get("tag")
    for moment in seen.history.of(*case.primary, case.since):
        new = moment.facts.get("tag")
        if new is None or new == tag:
            continue
        phase = seen.history.at("canaries", case.app, moment.version).get("phase", "")
        due = phase == ("Promoting" if tag else "Initializing")
        if not due and case.by_hand(moment.at):
            continue
        if not due:
            said = f"the primary goes from {tag} to {new} while the journal says {phase or 'nothing'}"
            yield Violation("the primary changes by promotion only", case.app, said, moment.at)
        if new.endswith(("-bad", "-never")):
            yield Violation("no bad revision is promoted", case.app, f"the primary runs {new}", moment.at)
        tag = new


def nothing_is_promoted_before_its_intervals_have_passed(seen: Evidence, case: Case) -> Iterator[Violation]:
    """From its first step to its promotion a revision is judged as long as its strategy says, by the observer's clock."""
    if case.hit_by({"clock jump"}):
        return  # the worker's own clock says when an interval is over
    began: float | None = None
    before = seen.history.at("canaries", case.app, case.since)
    least = case.shape.strategy.intervals * INTERVAL_S - WATCH_LATE_S
    for moment in seen.history.of("canaries", case.app, case.since):
        now = moment.facts
        if _is_judged(now) and not (_is_judged(before) and now["applied"] == before["applied"]):
            began = moment.at
        promoting = now.get("phase") == "Promoting" != before.get("phase")
        if promoting and (began is None or moment.at - began < least):
            passed = "without a step" if began is None else f"{moment.at - began:.1f} s after its first step"
            said = f"promoted {passed}, {case.shape.strategy.intervals} intervals of {INTERVAL_S} s have to pass"
            yield Violation("nothing is promoted before its intervals have passed", case.app, said, moment.at)
        before = now


def _is_judged(journal: Facts) -> bool:
    return journal.get("phase", "") not in {"", "Initializing", *AT_REST} and journal.get("step", -1) >= 0


def a_bad_revision_has_no_traffic(seen: Evidence, case: Case) -> Iterator[Violation]:
    """What was judged bad has no users after its bound, and none at all once its rollout has ended."""
    for tag in {tag for tag in case.tags if tag.endswith(("-bad", "-never"))}:
        answers = [one.at for one in case.answers if one.version == tag]
        if not answers:
            continue
        if tag.endswith("-never"):
            yield Violation("a bad revision has no traffic", case.app, f"users got {tag}, never ready", answers[0])
        if not case.shape.strategy.shares:
            said = f"users got {tag}, which is tested without users"
            yield Violation("a bad revision has no traffic", case.app, said, answers[0])
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
        primary = seen.history.now(*case.primary).get("tag")
        rests = "at rest" if at_rest(seen.history, case.shape, case.app) else "not at rest"
        said = f"{case.release.story} {case.tags}: {now.get('phase')} ({now.get('said')}), primary {primary}, {rests}"
        yield Violation("every rollout ends", case.app, said)


def users_lose_nothing(seen: Evidence, case: Case) -> Iterator[Violation]:
    """No request fails but those that the bad revision itself has answered."""
    if case.hit_by(HARMS_USERS):
        return
    failed = [one for one in case.answers if one.failed and not one.version.endswith("-bad")]
    failed = [one for one in failed if not case.by_hand(one.at, COSTS_S)]
    if failed:
        first = failed[0]
        who = first.version or "nobody"
        said = f"{len(failed)} of {len(case.answers)} requests failed, the first answered by {who}: "
        yield Violation("users lose nothing", case.app, said + (first.error or str(first.status)), first.at)


def _first(moments: list[Moment], holds: Callable[[Moment], object]) -> Moment | None:
    return next((moment for moment in moments if holds(moment)), None)


LAWS: tuple[Law, ...] = (
    *traffic.LAWS,
    *restored.LAWS,
    *others.LAWS,
    one_actor_at_a_time,
    primary_changes_by_promotion_only,
    nothing_is_promoted_before_its_intervals_have_passed,
    a_bad_revision_has_no_traffic,
    every_rollout_ends,
    users_lose_nothing,
)


def broken(seen: Evidence, case: Case) -> list[Violation]:
    """Every law that a case breaks."""
    return [violation for law in LAWS for violation in law(seen, case)]
