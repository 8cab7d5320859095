"""The laws of the fault suite: each is shown to catch what it is there for. A judge that never says no proves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from lab.faults.judged.cases import Case, Hit
from lab.faults.judged.evidence import Evidence
from lab.faults.judged.history import History, Moment
from lab.faults.judged.laws import BAD_BOUND_S, broken
from lab.faults.judged.observer import Answer
from lab.faults.judged.outcomes import Run, rollouts_are_recorded
from lab.faults.plan import Release
from lab.faults.proxies.acts import Act
from lab.faults.proxies.proxy import Write

OAK = "oak"
JOURNAL = {"phase": "Progressing", "weight": 0, "rollback reason": "", "applied": "2", "promoted": "1", "said": ""}
HOME, SPLIT = {"primary": 100, "canary": 0}, {"primary": 70, "canary": 30}


def history(*moments: tuple[int, str, str, dict[str, Any]]) -> History:
    seen = History()
    for version, plural, name, facts in moments:
        seen.add(Moment(version, float(version), plural, name, facts))
    return seen


def offers(version: int, half: str, *ready: str) -> tuple[int, str, str, dict[str, Any]]:
    return version, "endpointslices", f"oak-{half}-x", {"service": f"oak-{half}", "ready": list(ready)}


def case(story: str = "good", *tags: str, shape: str = "gateway_deployment", **more: Any) -> Case:
    found = Case(
        Release(OAK, story, 0.0, shape=shape),
        "old",
        list(tags or ("r1-good",)),
        since=10,
        began=10.0,
        started=True,
        ended=90.0,
    )
    found.namespace = "n"
    for name, value in more.items():
        setattr(found, name, value)
    return found


def write(client: str, life: int, version: int, what: str, at: float = 0.0, run: str = "") -> Write:
    at = at or float(version)
    return Write(client, life, at - 0.1, at, Act("n", OAK, what), 200, version, answered=True, run=run)


def laws(seen: History, judged: Case, *writes: Write) -> set[str]:
    return {violation.law for violation in broken(Evidence(seen, writes), judged)}


BASE = ((1, "httproutes", OAK, {"weights": HOME}), offers(2, "primary", "10.0.0.1"), (3, "canaries", OAK, JOURNAL))


def test_a_rollout_as_it_should_be_breaks_no_law() -> None:
    """Weights that sum up, ready pods behind them, one actor, users served."""
    seen = history(*BASE, offers(11, "canary", "10.0.0.2"), (12, "httproutes", OAK, {"weights": SPLIT}))
    answers = [Answer(20.0, 200, "r1-good", "")]
    assert laws(seen, case(answers=answers), write("a", 1, 11, "take lease"), write("a", 1, 12, "route step")) == set()


@pytest.mark.parametrize("weights", [{"primary": 70, "canary": 20}, {"primary": 100}], ids=["90 in all", "one half"])
def test_weights_that_do_not_sum_to_100_are_caught(weights: dict[str, int]) -> None:
    """Even for a moment."""
    seen = history(*BASE, (12, "httproutes", OAK, {"weights": weights}), (13, "httproutes", OAK, {"weights": HOME}))
    assert "weights sum to 100" in laws(seen, case())


def test_traffic_to_a_version_that_is_not_ready_is_caught() -> None:
    """By the cluster's order: pods that became ready just after the shift came too late."""
    late = history(*BASE, (12, "httproutes", OAK, {"weights": SPLIT}), offers(13, "canary", "10.0.0.2"))
    assert laws(late, case()) == {"traffic goes to ready versions only"}


HOLD, PUSH = {"frozen": True}, {"tag": "r1-next"}


@pytest.mark.parametrize(("first", "then", "caught"), [(HOLD, PUSH, False), (PUSH, HOLD, True)], ids=["held", "pushed"])
def test_traffic_to_pods_of_another_version_is_caught(
    first: dict[str, Any], then: dict[str, Any], caught: bool
) -> None:
    """What is pushed once the target is frozen has no pods; what was pushed before is what has to be behind the weight."""
    pod = {"app": OAK, "address": "10.0.0.2", "tag": "r1-good"}
    target = {"tag": "r1-good", "frozen": False, "pods": 1}
    seen = history(
        *BASE,
        (4, "pods", "oak-1", pod),
        (5, "deployments", OAK, target),
        offers(6, "canary", "10.0.0.2"),
        (11, "deployments", OAK, {**target, **first}),
        (12, "deployments", OAK, {**target, **first, **then}),
        (13, "httproutes", OAK, {"weights": SPLIT}),
    )
    assert ("traffic goes to the judged version only" in laws(seen, case())) is caught


def test_a_worker_that_acts_after_another_has_taken_over_is_caught() -> None:
    """A wakes up after B has begun to act, and its old write is accepted."""
    seen = history(*BASE)
    old = [write("a", 1, 11, "take lease"), write("a", 1, 12, "route 0")]
    taken = [write("b", 1, 20, "take lease"), write("b", 1, 21, "journal step")]
    assert laws(seen, case(), *old, *taken, write("a", 1, 22, "route 100")) == {"one actor at a time"}


def test_a_run_that_acts_after_another_run_of_its_worker_is_caught() -> None:
    """Two runs of one process are two actors: that they share a clock and a connection orders nothing."""
    seen = history(*BASE)
    old = [write("a", 1, 11, "take lease", run="r1"), write("a", 1, 12, "route 0", run="r1")]
    new = [write("a", 1, 20, "take lease", run="r2"), write("a", 1, 21, "journal step", run="r2")]
    assert laws(seen, case(), *old, *new) == set()
    late = write("a", 1, 22, "route 100", run="r1")
    assert laws(seen, case(), *old, *new, late) == {"one actor at a time"}


def test_a_worker_that_takes_the_lease_back_may_act_again() -> None:
    """A, B, A is in order where A has taken the Lease again before it acts."""
    seen = history(*BASE)
    first = [write("a", 1, 11, "take lease"), write("a", 1, 12, "route 0")]
    then = [write("b", 1, 20, "take lease"), write("b", 1, 21, "journal step")]
    again = [write("a", 1, 30, "take lease"), write("a", 1, 31, "route 0")]
    assert laws(seen, case(), *first, *then, *again) == set()


def test_an_old_write_before_the_new_holder_has_acted_is_no_harm() -> None:
    """B looks at what is there after it has taken over, so what A did until then is known to it."""
    seen = history(*BASE)
    writes = [write("a", 1, 11, "take lease"), write("b", 1, 20, "take lease"), write("a", 1, 21, "route 0")]
    assert laws(seen, case(), *writes, write("b", 1, 22, "journal step")) == set()


def test_a_workers_keeper_acts_under_the_lease_of_its_worker() -> None:
    """It restores what people deleted under a run's Lease, but not under one that another worker has taken since."""
    seen = history(*BASE, offers(11, "canary", "10.0.0.2"))
    run = [write("a", 1, 12, "take lease", run="run-1"), write("a", 1, 13, "begin", run="run-1")]
    assert laws(seen, case(), *run, write("a", 1, 20, "apply service")) == set()
    other = [write("b", 1, 14, "take lease", run="run-2"), write("b", 1, 15, "begin", run="run-2")]
    assert laws(seen, case(), *run, *other, write("a", 1, 20, "apply service")) == {"one actor at a time"}


@pytest.mark.parametrize("kind", ["suspend", "delete route"])
def test_a_rollback_of_what_people_suspended_is_recorded_as_suspended(kind: str) -> None:
    """Where the target had moved on: nothing else explains a rollback that Prefect does not know of."""
    seen = history(*BASE, (20, "canaries", OAK, {**JOURNAL, "phase": "Failed"}))
    judged = case("superseded", "r1-good", "r1-next", hits=[Hit(kind, True, "", "", 15.0)])
    run = Run("roll_out", {"namespace": "n", "canary": OAK}, "COMPLETED", "Suspended", "", "run-1")
    assert bool(list(rollouts_are_recorded(seen, judged, [run]))) is (kind != "suspend")


@pytest.mark.parametrize(
    ("hit", "said"),
    [("fail run", "set by hand"), ("edit wrongly", "InvalidError: Canary n/oak is not valid: spec.analysis: …")],
)
def test_a_run_may_fail_for_what_people_did_and_for_nothing_else(hit: str, said: str) -> None:
    """A state that they set by force, or a Canary that they made invalid."""
    parameters = {"namespace": "n", "canary": OAK, "version": "r1-good"}
    failed = Run("roll_out", parameters, "FAILED", "Failed", said, "run-1")
    by_people = case(hits=[Hit(hit, True, "", "", 20.0)])
    assert list(rollouts_are_recorded(history(*BASE), by_people, [failed])) == []
    assert list(rollouts_are_recorded(history(*BASE), case(), [failed]))


def test_another_life_of_the_same_worker_is_another_actor() -> None:
    """What the killed process still had on its way is not its successor's."""
    seen = history(*BASE)
    writes = [write("a", 1, 11, "take lease"), write("a", 2, 20, "take lease"), write("a", 2, 21, "begin")]
    assert laws(seen, case(), *writes, write("a", 1, 22, "route 0", at=22.0)) == {"one actor at a time"}


@pytest.mark.parametrize(
    ("phase", "tag", "law"),
    [
        ("Progressing", "r1-good", "the primary changes by promotion only"),
        ("Promoting", "r1-bad", "no bad revision is promoted"),
    ],
)
def test_a_primary_that_changes_otherwise_than_by_promotion_is_caught(phase: str, tag: str, law: str) -> None:
    """While the journal says anything but Promoting, or to a revision that is bad."""
    before, after = {"tag": "old", "pods": 1, "frozen": False}, {"tag": tag, "pods": 1, "frozen": False}
    journal = {**JOURNAL, "phase": phase, "promoted": "0"}
    seen = history(
        *BASE,
        (4, "deployments", "oak-primary", before),
        (11, "canaries", OAK, journal),
        (12, "deployments", "oak-primary", after),
    )
    assert law in laws(seen, case())


def test_a_promotion_while_people_have_their_hands_in_is_one() -> None:
    """Else what the primary is at later, where nobody has touched anything, reads as a change without a promotion."""
    old, new = {"tag": "old", "pods": 1, "frozen": False}, {"tag": "r1-good", "pods": 1, "frozen": False}
    hit = Hit("delete canary service", aimed=False, phase="", boundary="", at=11.0, until=12.5)
    seen = history(
        *BASE,
        (4, "deployments", "oak-primary", old),
        (11, "canaries", OAK, {**JOURNAL, "phase": "Promoting", "promoted": "0"}),
        (12, "deployments", "oak-primary", new),
        (40, "canaries", OAK, {**JOURNAL, "phase": "Succeeded"}),
        (41, "deployments", "oak-primary", {**new, "pods": 2}),
    )
    assert "the primary changes by promotion only" not in laws(seen, case(hits=[hit]))


def test_a_bad_revision_with_users_after_its_bound_is_caught() -> None:
    """The bound counts from the verdict, or from when the last fault was over."""
    seen = history(*BASE, (20, "canaries", OAK, {**JOURNAL, "rollback reason": "too many errors"}))
    late = [Answer(20.0 + BAD_BOUND_S + 1, 200, "r1-bad", "")]
    assert laws(seen, case("bad", "r1-bad", answers=late)) == {"a bad revision has no traffic"}
    hit = Hit("kill server", aimed=True, phase="", boundary="", at=21.0, until=40.0)
    assert laws(seen, case("bad", "r1-bad", answers=late, hits=[hit])) == set()


def test_users_of_a_bad_revision_after_its_end_are_caught() -> None:
    """Once its rollout has ended nobody gets it any more, whatever the bound."""
    seen = history(*BASE, (20, "canaries", OAK, {**JOURNAL, "rollback reason": "too many errors"}))
    answers = [Answer(35.0, 200, "r1-bad", "")]
    assert laws(seen, case("bad", "r1-bad", answers=answers, ended=30.0)) == {"a bad revision has no traffic"}


def test_a_rollout_without_an_end_is_caught() -> None:
    """Whatever it waits for."""
    assert laws(history(*BASE), case(ended=None)) == {"every rollout ends"}


def test_a_lost_request_is_caught_and_a_bad_revisions_own_answers_are_not() -> None:
    """A 503 of the Gateway is nobody's answer; the 500 of a bad revision is what it is there for."""
    lost, own = Answer(20.0, 503, "", ""), Answer(21.0, 500, "r1-bad", "")
    assert laws(history(*BASE), case(answers=[lost])) == {"users lose nothing"}
    assert laws(history(*BASE), case("bad", "r1-bad", answers=[own])) == set()


BLUE_GREEN = {"shape": "service_blue_green"}
SWITCHED = {"primary": 0, "canary": 100}
PROMOTING = {**JOURNAL, "phase": "Promoting", "step": 0}
PRIMARY_POD = {"app": "oak-primary", "address": "10.0.0.1", "tag": "old", "ready": True, "leaving": False}
CANARY_POD = {"app": OAK, "address": "10.0.0.2", "tag": "r1-good", "ready": True, "leaving": False}
GREEN = (
    (1, "services", OAK, {"weights": HOME}),
    (2, "pods", "oak-p", PRIMARY_POD),
    (3, "endpointslices", "oak-x", {"service": OAK, "ready": ["10.0.0.1"]}),
    (4, "deployments", OAK, {"tag": "r1-good", "frozen": True, "pods": 1}),
    (5, "canaries", OAK, {**JOURNAL, "phase": "Succeeded"}),
)
JUDGED = (11, "canaries", OAK, {**JOURNAL, "step": 0})
SWITCH = (
    (20, "canaries", OAK, PROMOTING),
    (21, "services", OAK, {"weights": SWITCHED}),
    (22, "endpointslices", "oak-x", {"service": OAK, "ready": ["10.0.0.2"]}),
)


def test_a_switch_as_it_should_be_breaks_no_law() -> None:
    """Judged for its intervals, then all users at once, to pods that are ready."""
    seen = history(*GREEN, JUDGED, (12, "pods", "oak-c", CANARY_POD), *SWITCH)
    assert laws(seen, case(**BLUE_GREEN)) == set()


@pytest.mark.parametrize(
    "pod", [{"ready": False}, {"leaving": True}, {"app": "elm"}], ids=["unready", "leaving", "none"]
)
def test_a_switch_to_pods_that_are_not_ready_is_caught(pod: dict[str, Any]) -> None:
    """By the pods that the selector reaches, whatever the Service of the canary offers."""
    seen = history(
        *GREEN, JUDGED, (12, "pods", "oak-c", {**CANARY_POD, **pod}), offers(13, "canary", "10.0.0.2"), *SWITCH
    )
    assert laws(seen, case(**BLUE_GREEN)) == {"traffic goes to ready versions only"}


@pytest.mark.parametrize("selector", [{"primary": 0, "canary": 0}, SPLIT], ids=["nobody's pods", "a part"])
def test_a_switch_that_is_neither_here_nor_there_is_caught(selector: dict[str, int]) -> None:
    """Users are on one side, all of them."""
    seen = history(*GREEN, (12, "pods", "oak-c", CANARY_POD), (13, "services", OAK, {"weights": selector}))
    assert laws(seen, case(**BLUE_GREEN)) & {"weights sum to 100", "shares are those of the strategy"}


def test_a_switch_before_the_promotion_is_caught() -> None:
    """Intent before act: the journal says Promoting, then users are switched."""
    seen = history(*GREEN, JUDGED, (12, "pods", "oak-c", CANARY_POD), *SWITCH[1:])
    assert laws(seen, case(**BLUE_GREEN)) == {"shares are those of the strategy"}


@pytest.mark.parametrize(("began", "caught"), [(11, False), (18, True), (None, True)], ids=["six", "two", "never"])
def test_a_promotion_before_the_intervals_have_passed_is_caught(began: int | None, caught: bool) -> None:
    """Three intervals of two seconds, from the first step to the promotion."""
    steps = [(began, *JUDGED[1:])] if began else []
    seen = history(*GREEN, *steps, (19, "pods", "oak-c", CANARY_POD), *SWITCH)
    assert ("nothing is promoted before its intervals have passed" in laws(seen, case(**BLUE_GREEN))) is caught
    jumped = Hit("clock jump", aimed=False, phase="", boundary="", at=19.0)
    assert laws(seen, case(**BLUE_GREEN, hits=[jumped])) == set()


@pytest.mark.parametrize("ready", [[], ["10.0.0.3"]], ids=["none", "another revision's"])
def test_users_on_other_pods_than_ready_ones_of_the_judged_revision_are_caught(ready: list[str]) -> None:
    """What the apex Service offers after the switch, not only at the moment of it."""
    newer = {**CANARY_POD, "address": "10.0.0.3", "tag": "r1-next"}
    pods = ((12, "pods", "oak-c", CANARY_POD), (13, "pods", "oak-n", newer))
    seen = history(*GREEN, JUDGED, *pods, *SWITCH, (23, "endpointslices", "oak-x", {"service": OAK, "ready": ready}))
    law = "users are on ready pods of the primary or of the judged revision"
    assert laws(seen, case(**BLUE_GREEN)) == {law}
    assert laws(seen, case(**BLUE_GREEN, hits=[Hit("oom", aimed=True, phase="", boundary="", at=23.0)])) == set()


def test_any_user_of_a_bad_revision_that_is_tested_without_users_is_caught() -> None:
    """At once: no bound is granted to it."""
    answers = [Answer(20.0, 200, "r1-bad", "")]
    assert laws(history(*GREEN), case("bad", "r1-bad", answers=answers, **BLUE_GREEN)) == {
        "a bad revision has no traffic"
    }


def test_the_target_of_a_daemonset_is_read_from_its_own_kind() -> None:
    """Laws go by the application's facts: a push after the freeze has no pods, whatever kind it is."""
    target = {"tag": "r1-good", "frozen": False, "pods": 1}
    seen = history(
        *BASE,
        (4, "pods", "oak-1", CANARY_POD),
        (5, "daemonsets", OAK, target),
        offers(6, "canary", "10.0.0.2"),
        (11, "daemonsets", OAK, {**target, "frozen": True}),
        (12, "daemonsets", OAK, {**target, "frozen": True, "tag": "r1-next"}),
        (13, "httproutes", OAK, {"weights": SPLIT}),
    )
    assert laws(seen, case(shape="gateway_daemonset")) == set()
    assert "traffic goes to the judged version only" in laws(seen, case())
