"""DaemonSets: Flagger's scaling by a node selector, the users' own fields kept, and what their counts mean."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.rollout.revision import revision_of
from sluice.rollout.workloads.base import merged
from sluice.rollout.workloads.copies import primary_copy
from sluice.rollout.workloads.daemonset import AT_REST, DAEMON_SET, KEPT_STRATEGY
from tests.samples import canary, daemon_set

WRITES, READS = DAEMON_SET.writes, DAEMON_SET.reads
Object = dict[str, Any]
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}


def selecting(selector: Object) -> Object:
    return daemon_set(change={"spec": {"template": {"spec": {"nodeSelector": selector}}}})


def selector_of(one: Object) -> Object:
    return dict(one["spec"]["template"]["spec"].get("nodeSelector") or {})


def test_at_rest_it_selects_a_node_that_there_is_not() -> None:
    """By Flagger's label, so that one which Flagger left at rest is at rest here."""
    patch = WRITES.scaled(daemon_set(), 0)
    assert patch == {"spec": {"template": {"spec": {"nodeSelector": {"flagger.app/scale-to-zero": "true"}}}}}


def test_the_users_own_node_selector_is_kept() -> None:
    """At rest, back from it, in the primary, and in the revision."""
    own = {"disk": "ssd"}
    it = selecting(own)
    rest = merged(it, WRITES.scaled(it, 0) or {})
    assert selector_of(rest) == {**own, AT_REST: "true"}
    assert selector_of(merged(rest, WRITES.scaled(rest, 1) or {})) == own
    assert selector_of(primary_copy(DAEMON_SET, canary(), rest, 1)) == own
    assert READS.revision(rest) == READS.revision(it) == revision_of(it)
    assert READS.revision(rest) != READS.revision(daemon_set())


@pytest.mark.parametrize("selector", [None, {}, {AT_REST: "true"}], ids=["none", "empty", "only ours"])
def test_no_node_selector_of_the_users_is_one_revision(selector: Object | None) -> None:
    """However it is written."""
    assert READS.revision(selecting(selector or {})) == revision_of(daemon_set())


def test_a_promoted_daemonset_s_size_is_no_matter() -> None:
    """It has a pod on each node or none, however many the primary has."""
    assert WRITES.scaled(daemon_set(), 1) is None
    assert WRITES.scaled(daemon_set(), 7) is None


@pytest.mark.parametrize(
    "strategy",
    [ROLLING, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "20%"}}, {}],
    ids=["the API server's default", "a surge", "none is written"],
)
def test_the_users_strategy_comes_back(strategy: Object) -> None:
    """All of it, and the annotation goes."""
    it = {**daemon_set(), "spec": {**daemon_set()["spec"], "updateStrategy": strategy}}
    frozen = merged(it, WRITES.frozen(it) or {})
    assert frozen["spec"]["updateStrategy"] == {"type": "OnDelete"}
    thawed = merged(frozen, WRITES.thawed(frozen) or {})
    assert thawed["spec"]["updateStrategy"] == strategy
    assert KEPT_STRATEGY not in thawed["metadata"]["annotations"]


def test_a_strategy_that_is_put_back_in_the_middle_is_frozen_anew_and_is_what_comes_back() -> None:
    """A GitOps controller applies it with the next push: the newer wish counts, and its pods are kept from then on."""
    frozen = merged(daemon_set(), WRITES.frozen(daemon_set()) or {})
    newer = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 3}}
    put_back = {**frozen, "spec": {**frozen["spec"], "updateStrategy": newer}}
    again = merged(put_back, WRITES.frozen(put_back) or {})
    assert again["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert merged(again, WRITES.thawed(again) or {})["spec"]["updateStrategy"] == newer
    assert merged(put_back, WRITES.thawed(put_back) or {})["spec"]["updateStrategy"] == newer


def test_ondelete_of_the_users_own_is_refused_with_the_way_out() -> None:
    """Nothing would ever replace the primary's pods: said before anything is made, as Flagger does."""
    own = daemon_set(change={"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    with pytest.raises(
        InvalidError, match=r"DaemonSet shop: spec\.updateStrategy\.type is OnDelete.*use RollingUpdate"
    ):
        primary_copy(DAEMON_SET, canary(), own, 1)


def test_ondelete_that_users_write_in_the_middle_of_a_release_does_not_stop_its_promotion() -> None:
    """The primary is updated all the same; the target gets back what they wrote."""
    own = daemon_set(change={"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}})
    frozen = merged(own, WRITES.frozen(own) or {})
    assert "updateStrategy" not in primary_copy(DAEMON_SET, canary(), frozen, 1)["spec"]
    assert merged(frozen, WRITES.thawed(frozen) or {})["spec"]["updateStrategy"] == {"type": "OnDelete"}


@pytest.mark.parametrize("written", ["", "[]", "{"], ids=["empty", "no object", "no JSON"])
def test_an_annotation_that_somebody_spoilt_leaves_the_api_server_s_default(written: str) -> None:
    """Nothing breaks, and the target follows its template again."""
    spoilt = merged(daemon_set(), WRITES.frozen(daemon_set()) or {})
    spoilt["metadata"]["annotations"] = {KEPT_STRATEGY: written}
    assert merged(spoilt, WRITES.thawed(spoilt) or {})["spec"]["updateStrategy"] == {}


def counted(nodes: int = 4, generation: int = 3, **status: int) -> Object:
    usual = {
        "observedGeneration": generation,
        "desiredNumberScheduled": nodes,
        "currentNumberScheduled": nodes,
        "updatedNumberScheduled": nodes,
        "numberAvailable": nodes,
        "numberMisscheduled": 0,
    }
    return daemon_set(change={"metadata": {"generation": generation}, "status": {**usual, **status}})


@pytest.mark.parametrize(
    ("seen", "share", "ready", "over"),
    [
        pytest.param(counted(), 100, True, True, id="a new one on each node"),
        pytest.param(counted(observedGeneration=2), 100, False, False, id="the controller has not seen the change"),
        pytest.param(counted(updatedNumberScheduled=3), 100, False, False, id="an old one is left"),
        pytest.param(counted(updatedNumberScheduled=3), 50, False, False, id="an old one is left, whatever the share"),
        pytest.param(counted(numberAvailable=3), 100, False, False, id="one does not serve"),
        pytest.param(counted(numberAvailable=3), 75, True, False, id="enough of them serve"),
        pytest.param(counted(numberAvailable=2), 75, False, False, id="not enough of them serve"),
        pytest.param(
            counted(currentNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=3),
            75,
            True,
            False,
            id="a new node",
        ),
        pytest.param(counted(0), 100, False, False, id="no node for it"),
        pytest.param(counted(numberMisscheduled=1), 100, True, True, id="one is left on a node that was tainted since"),
        pytest.param(daemon_set(), 100, False, False, id="no status yet"),
    ],
)
def test_a_daemonset_is_ready_when_enough_nodes_have_a_new_pod_that_serves(
    seen: Object, share: int, ready: bool, over: bool
) -> None:
    """By what its controller counts: nodes, of which each has the pod that it should have."""
    assert READS.ready(seen, share) is ready
    assert READS.rolled_over(seen) is over


@pytest.mark.parametrize(
    ("strategy", "early"),
    [(ROLLING, True), ({}, True), ({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, False)],
    ids=["by default", "none is written", "a surge"],
)
def test_a_node_s_old_pod_goes_before_its_new_one_comes_unless_there_is_a_surge(strategy: Object, early: bool) -> None:
    """So requests on their way to the primary get their time before its update."""
    it = {**daemon_set(), "spec": {**daemon_set()["spec"], "updateStrategy": strategy}}
    assert READS.ends_early(it) is early
    assert READS.ends_early(merged(it, WRITES.frozen(it) or {})) is early


def test_a_sync_names_no_field_that_a_release_has_set() -> None:
    """A node selector in git is applied as a whole: at rest ours is in it; the strategy is not mentioned while frozen."""
    rendered = selecting({"disk": "ssd"})
    rest = merged(rendered, WRITES.scaled(rendered, 0) or {})
    assert selector_of(WRITES.yielding(rendered, rest, "sluice")) == {"disk": "ssd", AT_REST: "true"}
    assert selector_of(WRITES.yielding(rendered, rendered, "sluice")) == {"disk": "ssd"}
    assert selector_of(WRITES.yielding(daemon_set(), rest, "sluice")) == {}
    frozen = merged(rendered, WRITES.frozen(rendered) or {})
    assert "updateStrategy" not in WRITES.yielding(rendered, frozen, "sluice")["spec"]
    assert WRITES.yielding(rendered, rest, "sluice")["spec"]["updateStrategy"] == ROLLING
