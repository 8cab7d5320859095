"""The life of an end-to-end suite, and how a Gate says which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.gates.suite import (
    FASTEST,
    KEY,
    SLOWEST,
    TRANSITIONS,
    Outcome,
    Stage,
    SuiteState,
    after,
    filled,
    intended,
)
from sluice.manifests.own.gate import Gate
from tests.gates import gate_object

NOW = 1000.0
JOB = {"job": {"cronJob": "e2e"}}


def running(attempt: int = 1) -> SuiteState:
    """One that was started."""
    state = intended("canary-uid", "abc", "gate-uid", NOW)
    return replace(state, attempt=attempt).to(Stage.RUNNING, id="7", url="https://ci.example/7")


def test_a_key_tells_an_attempt_from_all_others() -> None:
    """And is a name that Kubernetes takes."""
    one = intended("canary-uid", "abc", "gate-uid", NOW)
    others = [
        intended("another", "abc", "gate-uid", NOW),
        intended("canary-uid", "abd", "gate-uid", NOW),
        intended("canary-uid", "abc", "another", NOW),
        intended("canary-uid", "abc", "gate-uid", NOW + 1),
        replace(one, attempt=2),
    ]
    assert len({one.key, *(other.key for other in others)}) == 6
    assert KEY.fullmatch(one.key)
    assert len(one.key) <= 63


def test_the_journal_gives_back_what_it_was_given() -> None:
    """All of it; and nothing where there was nothing."""
    assert SuiteState.of(running().kept) == running()
    assert SuiteState.of({}) is None


@pytest.mark.parametrize(
    ("outcome", "attempt", "stage"),
    [
        (Outcome.RUNNING, 1, Stage.RUNNING),
        (Outcome.PASSED, 1, Stage.PASSED),
        (Outcome.FAILED, 1, Stage.REFUSED),
        (Outcome.BROKEN, 1, Stage.INTENDED),
        (Outcome.BROKEN, 2, Stage.REFUSED),
    ],
)
def test_only_infrastructure_is_tried_again(outcome: Outcome, attempt: int, stage: Stage) -> None:
    """Tests that failed never are."""
    following = after(running(attempt), outcome, "said so", 2, NOW + 60)
    assert following.stage is stage
    assert (following.key == running(attempt).key) is (stage is not Stage.INTENDED)


def test_what_has_ended_stays_so() -> None:
    """Passed and refused are the ends, and each other stage can come to one."""
    ends = {stage for stage, following in TRANSITIONS.items() if not following}
    assert ends == {Stage.PASSED, Stage.REFUSED}
    assert set(TRANSITIONS) == set(Stage)
    with pytest.raises(ValueError, match="cannot become"):
        after(running(), Outcome.PASSED, "", 2, NOW).to(Stage.INTENDED)


def test_looks_become_rare() -> None:
    """Without anything being counted."""
    state = running()
    assert state.pace(NOW) == FASTEST
    assert state.pace(NOW + 100) == 10
    assert state.pace(NOW + 7 * 86400) == SLOWEST


def test_places_are_filled_in() -> None:
    """One that there is not is named, with the field."""
    assert filled("v{{version}} {{ key }}", {"version": "1", "key": "k"}, "ref") == "v1 k"
    with pytest.raises(InvalidError, match=r"suite.job.x: \{\{ verison \}\} is no place; there are canary"):
        filled("{{ verison }}", {"version": "1"}, "job.x")


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        ({}, "exactly one of circleci, githubActions, githubCheck, job, webhook; this one has none"),
        ({**JOB, "webhook": {"url": "https://x"}}, "has job and webhook: leave one"),
        ({"job": {}}, "give one of them"),
        ({"job": {"cronJob": "e2e", "template": {"template": {}}}}, "give one of them"),
        ({"circleci": {"project": "shop", "secretRef": {"name": "s"}}}, "suite.circleci.project"),
        ({"circleci": {"project": "gh/a/b", "secretRef": {"name": "s"}, "branch": "a", "tag": "b"}}, "leave one"),
        ({"githubActions": {"repository": "a", "workflow": "w", "secretRef": {"name": "s"}}}, "repository"),
        ({**JOB, "attempts": 0}, "suite.attempts"),
        ({**JOB, "timeout": "soon"}, "suite.timeout"),
        ({"webhook": {"url": "ftp://x"}}, "suite.webhook.url"),
    ],
)
def test_a_suite_that_cannot_be_is_refused_by_its_field(suite: dict[str, Any], said: str) -> None:
    """When it is read."""
    with pytest.raises(InvalidError, match=said):
        Gate.parse(gate_object(suite=suite))
