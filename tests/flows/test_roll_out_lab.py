"""Releases on a real cluster, with real users: what is promised of each story."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from deployments.tools.past import past_release
from sluice.judge.verdict import Verdict
from sluice.manifests.flagger.canary import Canary
from sluice.replay.recording import replay
from tests.flows.lab_app import push_images
from tests.flows.stories import NEW, TALES, Told, tell_all

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def stories(
    lab_env: dict[str, Any],
    prefect_engine: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> dict[str, Told | Exception]:
    """All stories that the selected tests are about, told at the same time."""
    push_images(lab_env)
    wanted = {
        mark.args[0] for item in request.session.items for mark in item.iter_markers("story") if mark.args[0] in TALES
    }
    return asyncio.run(tell_all(lab_env, tmp_path_factory.mktemp("users"), wanted))


@pytest.fixture
def told(stories: dict[str, Told | Exception], request: pytest.FixtureRequest) -> Told:
    """The story of this test."""
    mark = request.node.get_closest_marker("story")
    story = stories[mark.args[0]]
    if isinstance(story, Exception):
        raise story
    return story


def rests(told: Told) -> None:
    """All users are at home on the primary, and the canary is at zero."""
    assert told.app.values("weight")[-1] == 0
    assert told.app.values("replicas")[-1] == 0
    assert told.status["canaryWeight"] == 0


def home_before_zero(told: Told) -> None:
    """The last shift home came before the canary's pods were taken away."""
    order = told.app.order("weight", "replicas")
    assert order[-2:] == [("weight", 0), ("replicas", 0)]


@pytest.mark.story("good")
def test_a_good_release_goes_through_all_steps_and_is_promoted(told: Told) -> None:
    """Weights rise as the Canary says, the canary carries the promotion, and the primary ends with the new image."""
    assert told.outcomes[0].startswith("promoted: request-success-rate 100 %")
    assert told.app.values("weight") == [0, 30, 60, 100, 0]
    assert told.app.values("phase")[-4:] == ["Progressing", "Promoting", "Finalising", "Succeeded"]
    assert told.primary == NEW
    assert told.status["lastPromotedSpec"] == told.status["lastAppliedSpec"]
    home_before_zero(told)
    rests(told)


@pytest.mark.story("good")
def test_a_run_that_comes_after_its_work_was_done_says_so(told: Told) -> None:
    """One for the same revision has nothing to do; one for an older revision was superseded, and is no second success."""
    assert told.outcomes[1] == "unchanged: the primary runs this revision"
    assert told.outcomes[2] == "superseded: a newer revision came; the primary runs this revision"


@pytest.mark.story("good")
def test_no_user_loses_a_request_in_a_good_release(told: Told) -> None:
    """Old and new version were both in front of users, and none of their requests failed."""
    assert told.versions() == {"1.0.0", NEW}
    assert [request for request in told.users if request.failed] == []


@pytest.mark.story("good")
def test_fields_that_nobody_obeys_are_in_a_condition(told: Told) -> None:
    """`kubectl describe canary` names the fields that this release did not act on."""
    (condition,) = [one for one in told.status["conditions"] if one["type"] == "Supported"]
    assert condition["status"] == "False"
    assert "spec.analysis.mirror" in condition["message"]
    assert "spec.ingressRef" in condition["message"]


@pytest.mark.story("failing")
def test_the_verdict_is_found_in_prometheus_afterwards(told: Told, lab_env: dict[str, Any]) -> None:
    """A manifest and two times are enough to judge what was there before sluice was."""
    canary = Canary.parse(told.canary)
    begin, end = (datetime.fromtimestamp(told.users[index].t + shift, UTC) for index, shift in ((0, -5), (-1, 5)))
    release = asyncio.run(past_release(canary, lab_env["prometheus_url"], begin, end))
    *_, last = replay(release.steps())
    assert last.judgement.verdict is Verdict.FAIL
    assert "request-success-rate" in last.judgement.reason


@pytest.mark.story("failing")
def test_a_failing_release_is_rolled_back_and_the_primary_is_not_touched(told: Told) -> None:
    """Traffic home first, then the canary to zero; the reason has the numbers; the revision is not tried again."""
    assert told.outcomes[0].startswith("rolled back: request-success-rate ")
    assert "), objective 99 %: breaks the objective (odds " in told.outcomes[0]
    assert told.outcomes[1].startswith("refused")
    assert told.status["phase"] == "Failed"
    assert "was rolled back: request-success-rate" in told.status["conditions"][0]["message"]
    assert told.primary == "1.0.0"
    assert max(told.app.values("weight")) < 100
    home_before_zero(told)
    rests(told)


@pytest.mark.story("own-metrics")
def test_a_gauge_that_stays_out_takes_a_release_back_beside_counts_of_the_user_s_own(told: Told) -> None:
    """The mean duration was looked at of canary and primary; what was counted by the user's own series speaks for it."""
    assert told.outcomes[0].startswith("rolled back: mean-ms 0 % (0 of ")
    assert "the primary at 100 % (odds " in told.outcomes[0]
    counted = told.status["evidence"]["metrics"]["accepted"]
    assert counted["seen"]["requests"] > 20
    assert counted["seen"]["bad"] == 0
    assert counted["primary"]["requests"] > 20
    assert told.primary == "1.0.0"
    rests(told)


@pytest.mark.story("never-ready")
def test_a_release_that_never_becomes_ready_never_meets_users(told: Told) -> None:
    """Its pods get no traffic, and the reason is the pod's own."""
    assert told.app.values("weight") == [0]
    assert told.versions() == {"1.0.0"}
    assert [request for request in told.users if request.failed] == []
    assert told.status["phase"] == "Failed"
    assert "Readiness probe failed" in told.outcomes[0]
    rests(told)


@pytest.mark.story("cancelled")
def test_cancel_takes_the_traffic_home_and_the_canary_to_zero(told: Told) -> None:
    """A person's Cancel ends the release where its users do not notice."""
    assert told.outcomes == ["cancelled"]
    assert told.app.values("weight") == [0, 30, 0]
    assert told.status["phase"] == "Failed"
    assert "cancelled by a person" in told.status["conditions"][0]["message"]
    assert told.primary == "1.0.0"
    home_before_zero(told)
    rests(told)


def went_on(told: Told) -> None:
    """The second worker took up the step where the first one left it: no weight and no step was set twice."""
    assert told.extra["phase after"] == "Progressing"
    assert told.outcomes[-1].startswith("promoted")
    assert told.app.values("weight") == [0, 30, 60, 100, 0]
    steps = [step for step in told.app.values("step") if step[0] in {30, 60}]
    assert [weight for weight, _ in steps] == [30, 60], "a step was begun anew"
    assert told.primary == NEW
    rests(told)


@pytest.mark.story("moved")
def test_a_worker_that_leaves_takes_nothing_back_and_the_next_one_goes_on(told: Told) -> None:
    """Stopping a worker is no cancel: the weight stays, and the step goes on where it was."""
    assert told.extra["weight after"] == 60
    went_on(told)


@pytest.mark.story("killed")
def test_a_worker_killed_in_the_middle_of_a_step_is_replaced_where_it_was(told: Told) -> None:
    """After kill -9 the next worker goes on from the journal and the route; no step is begun anew."""
    went_on(told)


@pytest.mark.story("superseded")
def test_a_newer_revision_supersedes_in_the_middle_of_a_step(told: Told) -> None:
    """Traffic goes home before the newer revision is begun, which is then judged from its first step on."""
    assert told.outcomes[0].startswith("superseded")
    assert told.outcomes[1].startswith("promoted")
    assert told.app.values("weight") == [0, 30, 0, 30, 60, 100, 0]
    assert told.primary == "1.2.0"
    rests(told)


@pytest.mark.story("reverted")
def test_putting_the_target_back_ends_the_release(told: Told) -> None:
    """Reverting to what is promoted takes the traffic home and ends the run; nothing is promoted."""
    assert told.outcomes[0].startswith("reverted")
    assert told.app.values("weight") == [0, 30, 0]
    assert told.status["phase"] == "Succeeded"
    assert told.status["lastAppliedSpec"] == told.status["lastPromotedSpec"]
    assert told.primary == "1.0.0"
    rests(told)


@pytest.mark.story("gated")
def test_a_closed_gate_waits_without_pods_and_an_open_one_goes_on(told: Told) -> None:
    """While confirm-rollout is closed nothing is scaled up and nothing shifted; opened, the release goes its way."""
    assert {("weight", 0)} == {one for one in told.extra["before the gate"] if one[0] == "weight"}
    assert told.extra["before the gate"][-1] == ("replicas", 0)
    assert told.outcomes[0].startswith("promoted")
    assert told.primary == NEW


@pytest.mark.story("e2e-failing")
def test_a_failing_end_to_end_gate_takes_the_release_back_without_traffic(told: Told) -> None:
    """At the threshold the release is rolled back; users never saw it, the reason names the gate."""
    assert told.outcomes[0].startswith("rolled back: gate pre-rollout did not open")
    assert "403" in told.outcomes[0]
    assert told.app.values("weight") == [0]
    assert told.status["failedChecks"] == 2
    rests(told)


def baseline_rests(told: Told) -> None:
    """The baseline has no traffic, and its pods went after it had none."""
    order = told.app.order("baseline weight", "baseline replicas")
    assert order[-2:] == [("baseline weight", 0), ("baseline replicas", 0)]


@pytest.mark.story("beside-a-baseline")
def test_a_good_release_is_promoted_by_its_score_beside_a_baseline(told: Told) -> None:
    """New pods of the old version have as much traffic as the canary while it is judged, and the sentence tells of both."""
    assert told.outcomes[0].startswith("promoted: request-success-rate 100 %")
    said = "score 100 of 100 against the baseline: request-success-rate 100 % good, the baseline 100 %, over "
    assert said in told.outcomes[0]
    assert said in told.status["conditions"][0]["message"]
    assert told.app.values("weight") == [0, 30, 50, 100, 0]
    assert told.app.values("baseline weight") == [0, 30, 50, 0]
    assert told.app.values("baseline replicas") == [0, 1, 0]
    assert (told.primary, told.versions()) == (NEW, {"1.0.0", NEW})
    home_before_zero(told)
    baseline_rests(told)
    rests(told)


@pytest.mark.story("beside-a-baseline")
def test_no_user_of_a_baseline_loses_a_request(told: Told) -> None:
    """A third way through the proxy comes and goes, and none of the users' requests fails."""
    assert [request for request in told.users if request.failed] == []


@pytest.mark.story("worse-than-its-baseline")
def test_a_release_that_is_worse_than_its_baseline_is_rolled_back_by_its_score(told: Told) -> None:
    """The reason has both halves' numbers; the primary is not touched, and the baseline goes with the canary."""
    assert told.outcomes[0].startswith("rolled back: score 0 of 100 against the baseline: request-success-rate ")
    assert "the baseline 100 %" in told.outcomes[0]
    assert told.primary == "1.0.0"
    assert max(told.app.values("weight")) < 100
    home_before_zero(told)
    baseline_rests(told)
    rests(told)


@pytest.mark.story("blind")
def test_while_prometheus_is_away_the_step_is_held(told: Told) -> None:
    """A provider that does not answer says nothing of the canary: no step forward, no failed check, no rollback."""
    assert told.extra["weights"] == [0, 30]
    assert not told.extra["ended"]
    assert (told.extra["status"]["phase"], told.extra["status"]["failedChecks"]) == ("Progressing", 0)
    assert told.outcomes[0].startswith("reverted")
    rests(told)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.story(name)) for name in sorted(TALES)], ids=sorted(TALES)
)
def test_users_of_every_story_were_served_to_its_end(name: str, told: Told) -> None:
    """Whatever happened to the release, the last answers that users got are good ones of the primary's version."""
    last = told.users[-5:]
    assert len(last) == 5
    assert {request.version for request in last} == {told.primary}
    assert not any(request.failed for request in last)
