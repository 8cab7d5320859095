"""The points of a rollout at which gates are asked: a table with one row for each type of webhook that sluice calls.

Types and meanings are Flagger's (docs.flagger.app, "Webhooks").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sluice.manifests.flagger.canary import CanaryAnalysis
from sluice.manifests.flagger.canary_webhook import CanaryWebhook
from sluice.manifests.flagger.phase import Phase


class When(StrEnum):
    """A moment of a rollout at which gates have a say."""

    BEFORE_PODS = "before pods"
    """The canary is not scaled up yet."""
    BEFORE_TRAFFIC = "before traffic"
    """The canary is ready, and no user has met it."""
    STEP = "step"
    """At the end of each step; these webhooks also send load to a canary that nobody uses."""
    BEFORE_PROMOTION = "before promotion"
    """All steps have passed."""


@dataclass(frozen=True, slots=True)
class Point:
    """One type of gates.

    Attributes:
        type: the webhook's type in the manifest.
        when: when it is asked.
        counts: a closed gate is a failed check, and `analysis.threshold` of them roll the release back. One that does not
            count is asked again until it opens.
        phase: the Canary's phase while such a gate is closed; None leaves it.
        stale: what the judge said before a closed gate is too old when it opens: the step is judged once more.
    """

    type: str
    when: When
    counts: bool = False
    phase: Phase | None = None
    stale: bool = False


POINTS: dict[str, Point] = {
    point.type: point
    for point in (
        Point("confirm-rollout", When.BEFORE_PODS, phase=Phase.WAITING),
        Point("pre-rollout", When.BEFORE_TRAFFIC, counts=True),
        Point("rollout", When.STEP, counts=True),
        Point("confirm-promotion", When.BEFORE_PROMOTION, phase=Phase.WAITING_PROMOTION, stale=True),
    )
}
"""Every type of webhook that is asked, by its name."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A gate that was asked last and did not open.

    Attributes:
        waits: it is waited for, whatever its point says: a Gate counts no failed checks.
    """

    point: Point
    said: str
    waits: bool = False

    def __str__(self) -> str:
        return f"{self.point.type}: {self.said}"


def next_point(
    analysis: CanaryAnalysis, when: When, opened: frozenset[str], gated: frozenset[str] = frozenset()
) -> Point | None:
    """The point of that moment whose gates have still to open; None where none is left.

    Args:
        analysis: of the Canary, with its webhooks.
        when: the moment.
        opened: types of points that have opened.
        gated: types of points at which Gates are asked.
    """
    asked = ({webhook.type for webhook in analysis.webhooks} | gated) - opened
    return next((point for point in POINTS.values() if point.when is when and point.type in asked), None)


def asked_at(webhook: CanaryWebhook, when: When) -> bool:
    """Whether a webhook has its say at that moment."""
    point = POINTS.get(webhook.type)
    return point is not None and point.when is when


def not_asked(analysis: CanaryAnalysis | None) -> Iterator[str]:
    """The paths of the webhooks that no point asks, for the report of what sluice does not act on."""
    for index, webhook in enumerate(analysis.webhooks if analysis else ()):
        if webhook.type not in POINTS:
            yield f"spec.analysis.webhooks[{index}].type ({webhook.type})"
