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


@pytest.mark.parametrize("kind", POINTS)
def test_a_point_waits_or_counts(kind: str) -> None:
    """A closed gate either fails a check or shows a phase in which the Canary waits, and can get to and out of it."""
    point = POINTS[kind]
    assert point.counts == (point.phase is None)
    if point.phase:
        assert point.phase in TRANSITIONS[Phase.PROGRESSING]
        assert Phase.PROGRESSING in TRANSITIONS[point.phase]


@pytest.mark.parametrize("kind", get_args(WebhookType))
def test_a_webhook_that_no_point_asks_is_reported(kind: str) -> None:
    """A gate that its owner relies on and nobody asks is worse than an error."""
    named = [path for path in not_asked(analysis(kind)) if path.startswith("spec.analysis.webhooks[0]")]
    assert bool(named) == (kind not in POINTS)


def test_without_an_analysis_nothing_is_asked() -> None:
    """Nor is anything reported."""
    assert list(not_asked(None)) == []
