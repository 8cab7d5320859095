"""Two API servers of different versions over one cluster: what they fill in when they read starts nothing."""

from __future__ import annotations

import copy
from itertools import cycle
from typing import Any

import pytest

from deployments.watchers.announcer import Announcer
from deployments.watchers.targets import Watcher
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.decide import decide
from sluice.rollout.decision import Action, Outcome, Seen
from sluice.rollout.needs import needs_rollout
from sluice.rollout.revision import revision_as_stored, revision_of
from sluice.rollout.workloads import WORKLOADS
from tasks.rollout.finalise import finalise
from tasks.rollout.roll_back import roll_back
from tasks.scene.look import look
from tests.samples import NAME, canary_manifest, workload
from tests.tasks.conftest import NEW_IMAGE, OLD_IMAGE, Stage, staged

Object = dict[str, Any]
EVERY_KIND = pytest.mark.parametrize("kind", WORKLOADS)


def newer(item: Object) -> Object:
    """What the next version makes of an object: a field of a pod that nobody knows yet, and one of each container."""
    it = copy.deepcopy(item)
    pod = (it.get("spec") or {}).get("template", {}).get("spec")
    if pod is not None:
        pod.setdefault("hibernationPolicy", "Never")
        for container in pod["containers"]:
            container.setdefault("warmUpSeconds", 1)
    return it


class Both:
    """Two API servers, one older than the other, that answer in turns."""

    def __init__(self) -> None:
        self.turn = cycle([copy.deepcopy, newer])

    def __call__(self, item: Object) -> Object:
        read: Object = next(self.turn)(item)
        return read


def seen(stage: Stage) -> tuple[Canary, str]:
    """The Canary and its target's revision, as the API server reads them now."""
    it = Canary.parse(stage.now("Canary", NAME))
    return it, WORKLOADS[stage.kind].revision(it, stage.cluster.filled_in(stage.now(stage.kind, NAME)))


def decided(stage: Stage) -> tuple[Action, Outcome | None]:
    it, revision = seen(stage)
    decision = decide(it, Seen(revision, carries=revision))
    return decision.action, decision.outcome


@EVERY_KIND
def test_an_api_server_s_upgrade_starts_nothing(play: Any, kind: str) -> None:
    """Also where it fills in a field that sluice has never heard of; what somebody pushes then is new as ever."""
    stage = staged(kind=kind, phase="Finalising", lastPromotedSpec="set below")
    stage.change("Canary", NAME, {"status": {"lastPromotedSpec": stage.ref.revision}})
    play(stage, finalise)
    for server in (newer, Both()):
        stage.cluster.filled_in = server
        for _ in range(4):
            assert decided(stage) == (Action.END, Outcome.UNCHANGED)
            assert not needs_rollout(*seen(stage))
    stage.push()
    assert decided(stage) == (Action.BEGIN, None)
    stage.push(NEW_IMAGE)
    stage.cluster.filled_in = copy.deepcopy
    assert decided(stage) == (Action.END, Outcome.UNCHANGED), "put back: it is known by its hash"


@EVERY_KIND
def test_what_was_rolled_back_stays_rolled_back_after_an_upgrade(play: Any, kind: str) -> None:
    """An upgrade is no reason to try a bad revision on users once more."""
    stage = staged(kind=kind)
    play(stage, roll_back, reason="too many errors")
    stage.cluster.filled_in = newer
    assert decided(stage) == (Action.END, Outcome.REFUSED)
    assert not needs_rollout(*seen(stage))


def test_a_release_goes_on_while_two_api_servers_answer_in_turns(play: Any) -> None:
    """The target does not seem to move on with each look."""
    stage = staged()
    generation = stage.now("Deployment", NAME)["metadata"]["generation"]
    uid = stage.now("Deployment", NAME)["metadata"]["uid"]
    tracked = {"uid": uid, "generation": generation, "revision": stage.ref.revision}
    stage.change("Canary", NAME, {"status": {"trackedTarget": tracked}})
    stage.cluster.filled_in = Both()
    assert {seen(stage)[1] for _ in range(4)} == {stage.ref.revision}
    stage.push()
    assert stage.ref.revision not in {seen(stage)[1] for _ in range(4)}


def test_the_watcher_announces_nothing_after_an_upgrade(play: Any) -> None:
    """Nor does it start four hundred releases at once."""
    stage = staged()
    play(stage, roll_back, reason="too many errors")
    watcher = Watcher(None, Announcer(None))  # type: ignore[arg-type]
    it, target = Canary.parse(stage.now("Canary", NAME)), newer(stage.now("Deployment", NAME))
    key = (it.namespace, it.name)
    watcher.canaries[key] = it
    watcher.targets["Deployment"] = {key: target}
    assert watcher.event_for(key) is None
    target["metadata"]["generation"] += 1
    assert watcher.event_for(key) is not None, "it was written: then its hash decides"


@EVERY_KIND
@pytest.mark.parametrize("field", ["lastPromotedSpec", "lastAppliedSpec"])
def test_a_journal_of_an_older_sluice_is_about_the_same_revision(kind: str, field: str) -> None:
    """Its hash was taken over the whole stored template; an upgrade of sluice starts nothing, and ends what is under way."""
    rules = WORKLOADS[kind]
    more = {"spec": {"template": {"metadata": {"creationTimestamp": None}, "spec": {"dnsPolicy": "ClusterFirst"}}}}
    target = workload(kind, NEW_IMAGE, change=more)
    before = rules.reads.revision(target, revision_as_stored)
    assert before != rules.reads.revision(target)
    status = {"phase": "Succeeded", "lastPromotedSpec": "x", "lastAppliedSpec": "y", field: before}
    it = Canary.parse(canary_manifest({"targetRef": {"kind": kind}}, status))
    assert rules.revision(it, target) == before
    assert not needs_rollout(it, rules.revision(it, target))
    other = workload(kind, OLD_IMAGE, change=more)
    assert rules.revision(it, other) == rules.reads.revision(other) != before


def test_another_object_of_the_target_s_name_is_read_for_itself() -> None:
    """A Deployment that was deleted and made again begins at generation 1 once more."""
    tracked = {"uid": "uid-of-the-old-one", "generation": 1, "revision": "r1"}
    it = Canary.parse(canary_manifest(status={"phase": "Succeeded", "trackedTarget": tracked}))
    assert WORKLOADS["Deployment"].revision(it, workload("Deployment")) == revision_of(workload("Deployment"))


def test_a_look_knows_the_revision_by_the_journal_s_name(play: Any) -> None:
    """What the flow decides by is what the journal is about."""
    stage = staged()
    play(stage, roll_back, reason="too many errors")
    stage.cluster.filled_in = newer

    class Looking:
        async def fn(self, ref: Any, decision: Any) -> Any:
            return await look(ref)

    assert play(stage, Looking()).revision == stage.ref.revision
