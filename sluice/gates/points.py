"""The points of a rollout at which the user's services are called: a table with one row for each type of webhook.

Types and meanings are Flagger's (docs.flagger.app, "Webhooks"; fluxcd/flagger, pkg/controller/scheduler_hooks.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    BEFORE_INCREASE = "before increase"
    """More users are about to meet the canary: before its first weight, before each higher one, and before a promotion that
    brings it all of them. Blue/green has no increase: its users are switched by the promotion."""
    BEFORE_PROMOTION = "before promotion"
    """All steps have passed."""
    ALL_ALONG = "all along"
    """From the beginning of a release to its promotion: once an interval, and right before users come to it."""
    AT_THE_END = "at the end"
    """The release was promoted or rolled back."""
    ON_NEWS = "on news"
    """Whenever something has happened that people may want to hear of."""

    @property
    def holds(self) -> bool:
        """Whether a release waits there for an answer."""
        return self not in {When.ALL_ALONG, When.AT_THE_END, When.ON_NEWS}


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
        each: it opens for one change of the traffic, and is asked again before the next.
        says: the phase that the service hears; None where it is the Canary's own.
    """

    type: str
    when: When
    counts: bool = False
    phase: Phase | None = None
    stale: bool = False
    each: bool = False
    says: Phase | None = Phase.PROGRESSING


POINTS: dict[str, Point] = {
    point.type: point
    for point in (
        Point("confirm-rollout", When.BEFORE_PODS, phase=Phase.WAITING, says=None),
        Point("pre-rollout", When.BEFORE_TRAFFIC, counts=True),
        Point("rollout", When.STEP, counts=True),
        Point("confirm-traffic-increase", When.BEFORE_INCREASE, stale=True, each=True),
        Point("confirm-promotion", When.BEFORE_PROMOTION, phase=Phase.WAITING_PROMOTION, stale=True),
        Point("rollback", When.ALL_ALONG, says=None),
        Point("post-rollout", When.AT_THE_END, says=None),
        Point("event", When.ON_NEWS, says=None),
    )
}
"""Every type of webhook, by its name."""


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


def next_of(
    analysis: CanaryAnalysis, moments: Iterable[When], opened: frozenset[str], gated: frozenset[str] = frozenset()
) -> Point | None:
    """The first point of these moments, one after the other, as `next_point` gives it."""
    return next((point for when in moments if (point := next_point(analysis, when, opened, gated))), None)


def after_shift(opened: frozenset[str]) -> frozenset[str]:
    """What is still open once the traffic has changed."""
    return frozenset(one for one in opened if not (one in POINTS and POINTS[one].each))


def asked_at(webhook: CanaryWebhook, when: When) -> bool:
    """Whether a webhook has its say at that moment."""
    point = POINTS.get(webhook.type)
    return point is not None and point.when is when


def not_asked(analysis: CanaryAnalysis | None) -> Iterator[str]:
    """The paths of the webhooks that are never called, for the report of what sluice does not act on.

    Blue/green has no increase of the traffic (Flagger does not ask there either, and says nothing of it).
    """
    for index, webhook in enumerate(analysis.webhooks if analysis else ()):
        increases = not asked_at(webhook, When.BEFORE_INCREASE) or not (analysis and analysis.iterations)
        if webhook.type not in POINTS or not increases:
            yield f"spec.analysis.webhooks[{index}].type ({webhook.type})"
