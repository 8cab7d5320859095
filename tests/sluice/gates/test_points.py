"""The table of points: every type of gate that is asked, and what its answer means."""

from __future__ import annotations

from typing import get_args

import pytest

from sluice.gates.points import POINTS, When, asked_at, next_point, not_asked
from sluice.manifests.flagger.canary import Canary, CanaryAnalysis
from sluice.manifests.flagger.canary_webhook import WebhookType
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.phases import TRANSITIONS
from tests.samples import canary, gate


def analysis(*kinds: str) -> CanaryAnalysis:
    found: Canary = canary({"analysis": {"webhooks": [gate(kind) for kind in kinds]}})
    assert found.spec.analysis
    return found.spec.analysis


@pytest.mark.parametrize("kind", POINTS)
def test_a_point_is_asked_at_its_moment_until_its_gates_are_open(kind: str) -> None:
    """And at no other."""
    asked, point = analysis(kind), POINTS[kind]
    assert [when for when in When if next_point(asked, when, frozenset())] == [point.when]
    assert next_point(asked, point.when, frozenset({kind})) is None
    assert [when for when in When if asked_at(asked.webhooks[0], when)] == [point.when]


@pytest.mark.parametrize("kind", [kind for kind, point in POINTS.items() if point.when.holds])
def test_a_point_waits_or_counts(kind: str) -> None:
    """A closed gate fails a check, or stops the weight alone, or shows a phase that the Canary can get to and out of."""
    point = POINTS[kind]
    assert point.counts == (point.phase is None and not point.each)
    if point.phase:
        assert point.phase in TRANSITIONS[Phase.PROGRESSING]
        assert Phase.PROGRESSING in TRANSITIONS[point.phase]


@pytest.mark.parametrize("kind", get_args(WebhookType))
def test_every_type_of_flagger_has_its_point(kind: str) -> None:
    """A gate that its owner relies on and nobody asks is worse than an error."""
    assert kind in POINTS
    assert list(not_asked(analysis(kind))) == []


def test_blue_green_has_no_increase_to_ask_before() -> None:
    """Flagger does not ask there either, and says nothing of it."""
    found = canary({"analysis": {"stepWeights": [], "iterations": 3, "webhooks": [gate("confirm-traffic-increase")]}})
    assert list(not_asked(found.spec.analysis)) == ["spec.analysis.webhooks[0].type (confirm-traffic-increase)"]


@pytest.mark.parametrize("kind", POINTS)
def test_what_no_release_waits_for_is_neither_counted_nor_shown(kind: str) -> None:
    """A rollback, post-rollout or event webhook has no say in whether a release goes on."""
    point = POINTS[kind]
    assert point.when.holds or not (point.counts or point.phase or point.stale or point.each)


def test_without_an_analysis_nothing_is_asked() -> None:
    """Nor is anything reported."""
    assert list(not_asked(None)) == []
