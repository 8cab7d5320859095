"""What comes next for a release: the rules one by one, and laws that hold whatever fails and however people interfere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.helm import record, results
from sluice.helm.conditions import updated
from sluice.helm.decide import decide
from sluice.helm.decision import ACTS, REMEDIES, Decision, Step, Wanted
from sluice.helm.snapshots import snapshot
from sluice.helm.storage import StoredRelease
from sluice.manifests.conditions import READY, RECONCILING, find_condition
from sluice.manifests.flux.helm.release import HelmRelease
from tests.sluice.helm.storage_model import StorageModel

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
WANTED = Wanted("shop", "1.0.0", values={"replicas": 2})


def helm_release(spec: dict[str, Any] | None = None, **meta: Any) -> HelmRelease:
    chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    return HelmRelease.parse(
        {
            "metadata": {"name": "shop", "namespace": "apps", "generation": 1, **meta},
            "spec": {"interval": "10m", "chart": chart, **(spec or {})},
        }
    )


def stands(release: HelmRelease, storage: StorageModel, act: str = "install") -> HelmRelease:
    """The release as it is after an act that sluice has recorded."""
    history = tuple(snapshot(one, act) for one in storage.found())
    return updated(release, history=history, last_attempted_release_action=act)


def installed(wanted: Wanted = WANTED) -> StorageModel:
    storage = StorageModel()
    storage.act(Decision(Step.INSTALL), helm_release(), wanted, "good")
    return storage


def step(release: HelmRelease, storage: StorageModel, wanted: Wanted = WANTED, **also: Any) -> Step:
    return decide(release, storage.found(), wanted, NOW, **also).step


def test_what_is_not_there_is_installed() -> None:
    assert step(helm_release(), StorageModel()) is Step.INSTALL


def test_what_is_as_wanted_stays() -> None:
    storage = installed()
    assert step(stands(helm_release(), storage), storage) is Step.DONE


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("shop", "1.0.1", values={"replicas": 2}),
        Wanted("shop", "0.9.0", values={"replicas": 2}),
        Wanted("shop", "1.0.0"),
    ],
    ids=["newer chart", "chart moved back", "other values"],
)
def test_what_differs_is_upgraded(wanted: Wanted) -> None:
    storage = installed()
    assert step(stands(helm_release(), storage), storage, wanted) is Step.UPGRADE


def test_numbers_are_one_kind_to_helm() -> None:
    storage = installed(Wanted("shop", "1.0.0", values={"replicas": 2.0}))
    assert step(stands(helm_release(), storage), storage) is Step.DONE


def test_somebody_elses_release_is_taken_over_by_an_upgrade() -> None:
    found = decide(helm_release(), installed().found(), WANTED, NOW)
    assert (found.step, found.forget) == (Step.UPGRADE, True)


def test_a_release_that_somebody_upgraded_by_hand_is_brought_back() -> None:
    storage = installed()
    release = stands(helm_release(), storage)
    storage.act(Decision(Step.UPGRADE), release, Wanted("shop", "1.0.0", values={"replicas": 9}), "good")
    found = decide(release, storage.found(), WANTED, NOW)
    assert (found.step, found.forget) == (Step.UPGRADE, True)


def test_a_release_that_somebody_uninstalled_by_hand_is_installed() -> None:
    storage = installed()
    release = stands(helm_release(), storage)
    storage.documents = []
    assert step(release, storage) is Step.INSTALL


def test_an_uninstall_that_was_cut_off_is_brought_to_its_end_and_the_release_is_installed() -> None:
    """Helm upgrades no such release: "has no deployed releases"."""
    storage = installed()
    release = stands(helm_release(), storage)
    storage.last["info"]["status"] = "uninstalling"
    assert step(release, storage) is Step.UNINSTALL
    assert step(helm_release(), storage) is Step.UNINSTALL
    storage.documents = []
    assert step(release, storage) is Step.INSTALL


def test_an_act_of_ours_that_died_is_unlocked_at_once() -> None:
    storage = installed()
    release = record.begun(stands(helm_release(), storage), Decision(Step.UPGRADE), 300, NOW)
    storage.act(Decision(Step.UPGRADE), release, WANTED, "dies")
    assert step(release, storage) is Step.UNLOCK


def test_somebody_elses_act_is_waited_for_as_long_as_it_may_last() -> None:
    storage = installed()
    release = stands(helm_release(), storage)
    storage.act(Decision(Step.UPGRADE), release, WANTED, "dies")
    begun = datetime.fromisoformat(storage.last["info"]["last_deployed"])
    assert decide(release, storage.found(), WANTED, begun + timedelta(seconds=299)).step is Step.FOREIGN
    assert decide(release, storage.found(), WANTED, begun + timedelta(seconds=301)).step is Step.UNLOCK


def test_an_act_that_ended_while_its_worker_died_is_not_done_twice() -> None:
    storage = StorageModel()
    release = record.begun(helm_release(), Decision(Step.INSTALL), 300, NOW)
    storage.act(Decision(Step.INSTALL), release, WANTED, "good")
    assert step(release, storage) is Step.RECORD
    release = results.recorded(release, WANTED, storage.found(), NOW)
    assert step(release, storage) is Step.DONE
    assert release.status.latest is not None
    assert release.status.latest.version == 1


def test_a_test_that_is_wanted_follows_the_release() -> None:
    storage = installed()
    assert step(stands(helm_release({"test": {"enable": True}}), storage), storage) is Step.TEST


def test_drift_is_looked_for_where_it_is_asked_for_and_put_right_where_that_is_asked_for() -> None:
    storage = installed()
    for mode, wanted in (("enabled", Step.CORRECT), ("warn", Step.DONE)):
        release = stands(helm_release({"driftDetection": {"mode": mode}}), storage)
        assert step(release, storage) is Step.COMPARE
        assert step(release, storage, drifted=True) is wanted
        assert step(release, storage, drifted=False) is Step.DONE


def test_a_forced_reconciliation_upgrades_once() -> None:
    storage = installed()
    asked = {"reconcile.fluxcd.io/requestedAt": "now", "reconcile.fluxcd.io/forceAt": "now"}
    release = stands(helm_release(annotations=asked), storage)
    assert step(release, storage) is Step.UPGRADE
    release = record.begun(release, Decision(Step.UPGRADE), 300, NOW)
    storage.act(Decision(Step.UPGRADE), release, WANTED, "good")
    release = results.ended(release, Decision(Step.UPGRADE), WANTED, record.Outcome(), storage.found(), NOW)
    assert step(release, storage) is Step.DONE


SPECS = st.fixed_dictionaries(
    {
        "install": st.fixed_dictionaries({"remediation": st.fixed_dictionaries({"retries": st.integers(-1, 2)})}),
        "upgrade": st.fixed_dictionaries(
            {
                "remediation": st.fixed_dictionaries(
                    {
                        "retries": st.integers(-1, 2),
                        "strategy": st.sampled_from(["rollback", "uninstall"]),
                        "remediateLastFailure": st.booleans(),
                    }
                )
            }
        ),
        "test": st.fixed_dictionaries({"enable": st.booleans(), "ignoreFailures": st.booleans()}),
    }
)
FATES = st.lists(st.sampled_from(["good", "bad", "dies", "early", "unwritten", "by hand", "uninstalled"]), max_size=14)


class World:
    """A release, helm's storage, and a worker that may die at any write."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.release, self.storage, self.wanted = helm_release(spec), StorageModel(), WANTED
        self.acts: list[Step] = []

    def run(self, fate: str) -> Step:
        """One run, in which each act has this fate; what it ended with."""
        if fate == "by hand" and self.storage.documents:
            self.storage.act(Decision(Step.UPGRADE), self.release, Wanted("shop", "7.0.0"), "good")
        if fate == "uninstalled":
            self.storage.documents = []
        done: list[Step] = []
        self.release = record.prepared(self.release, self.wanted, NOW)
        while True:
            now = NOW + timedelta(hours=len(self.acts))
            decision = decide(self.release, self.storage.found(), self.wanted, now, done=done)
            if decision.step is Step.RECORD:
                self.release = results.recorded(self.release, self.wanted, self.storage.found(), now)
                continue
            if decision.step not in ACTS:
                return self._end(decision, now)
            self.release = record.begun(self.release, decision, 300, now)
            self.acts.append(decision.step)
            done.append(decision.step)
            remedied = fate == "bad" and decision.step in REMEDIES
            how = "good" if remedied or fate in {"by hand", "uninstalled", "unwritten"} else fate
            error = self.storage.act(decision, self.release, self.wanted, how)
            if fate in {"dies", "unwritten"}:
                return Step.AGAIN
            outcome = record.Outcome(error, 1.0)
            self.release = results.ended(self.release, decision, self.wanted, outcome, self.storage.found(), now)
            if fate == "early":
                return Step.AGAIN

    def _end(self, decision: Decision, now: datetime) -> Step:
        if decision.step is Step.DONE:
            self.release = record.finished(record.settled(self.release, now), observed=True)
        elif decision.step is Step.STALLED:
            self.release = record.finished(record.stalled(self.release, decision, now), observed=True)
        else:
            self.release = record.to_go_on(self.release, now)
        return decision.step


def ready(release: HelmRelease) -> str:
    found = find_condition(release.status.conditions, READY)
    return found.status if found else ""


@given(SPECS, FATES)
def test_whatever_fails_and_whoever_interferes_the_release_is_as_wanted_once_acts_succeed(
    spec: dict[str, Any], fates: list[str]
) -> None:
    world = World(spec)
    for fate in fates:
        world.run(fate)
    # A person changes something: tries count anew, and from now on acts succeed.
    world.wanted = Wanted("shop", "2.0.0", values={"replicas": 3})
    ends = [world.run("good") for _ in range(4)]
    assert ends[-1] is Step.DONE, ends
    assert ready(world.release) == "True"
    last = world.storage.found()[0]
    assert (last.status, last.chart["version"], last.config) == ("deployed", "2.0.0", {"replicas": 3})
    assert find_condition(world.release.status.conditions, RECONCILING) is None
    acts = len(world.acts)
    assert world.run("good") is Step.DONE
    assert len(world.acts) == acts, "a release that is as wanted is left alone"


@given(SPECS)
def test_no_more_tries_than_were_asked_for(spec: dict[str, Any]) -> None:
    world = World(spec)
    for _ in range(12):
        world.run("bad")
    retries = spec["install"]["remediation"]["retries"]
    tries = world.acts.count(Step.INSTALL)
    if retries >= 0:
        # A failed release that nobody takes away may be tried as an upgrade, as helm has it.
        assert tries <= retries + 1
        assert world.run("bad") is Step.STALLED
        assert ready(world.release) == "False"
    else:
        assert tries > 5


@given(SPECS, FATES)
def test_only_what_was_released_well_is_returned_to(spec: dict[str, Any], fates: list[str]) -> None:
    world = World(spec)
    for at, fate in enumerate(fates):
        world.wanted = Wanted("shop", f"1.0.{at}", values={"n": at})
        before = {one.version: one.status for one in world.storage.found()}
        decision = decide(world.release, world.storage.found(), world.wanted, NOW)
        if decision.step is Step.ROLLBACK:
            assert before[decision.version] in {"deployed", "superseded"}
        world.run(fate)


def test_a_release_that_nobody_can_read_is_not_one_that_is_absent() -> None:
    found = [StoredRelease({"name": "shop", "version": 3, "info": {"status": "unknown"}})]
    assert decide(helm_release(), found, WANTED, NOW).step is Step.UPGRADE
