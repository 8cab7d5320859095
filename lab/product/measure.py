"""Turns what was seen during one delivery into its numbers.

All instants are of this machine's one clock. The words mean:

push
    the instant the registry had accepted the manifest of the tag.
first canary traffic
    the first answer a user got from the new version.
end
    the first instant at which the route is home (all weight on the primary) after having left for the last time and
    all answers from then on come from one version. For a version that never got traffic the route never left; then it
    is the instant at which the Canary's phase became final.
step holds
    the time the route stood on the analysis steps. A step counts with its declared interval at most: what it stood
    longer is the machinery's own time, not a hold that the user asked for.
requests, failed requests
    everything users sent from the push until :data:`SETTLE_S` after the end (the canary's pods are taken down after
    the end, and that must not hurt users either); failed = status 500 or above, or no answer.
bad traffic
    from the first to the last answer that a version which was rolled back gave to users.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.load.summary import UserRequest, between, summarise

SETTLE_S = 5.0
FINAL_PHASES = frozenset({"Succeeded", "Failed"})
PROMOTED, ROLLED_BACK = "promoted", "rolled_back"


@dataclass(frozen=True)
class RoutePoint:
    """From this instant on, the route gave these weights."""

    t: float
    primary: int
    canary: int


@dataclass(frozen=True)
class PhasePoint:
    """From this instant on, the Canary was in this phase."""

    t: float
    phase: str


@dataclass(frozen=True)
class Seen:
    """What was recorded around one delivery. Points and requests from before the push may be among it."""

    version: str
    pushed: float
    requests: Sequence[UserRequest]
    route: Sequence[RoutePoint]
    phases: Sequence[PhasePoint]


@dataclass(frozen=True)
class Numbers:
    """What one delivery did to its users, and how long it took."""

    verdict: str
    push_to_first_traffic_s: float | None
    push_to_end_s: float
    step_holds_s: float
    requests: int
    failed_requests: int
    bad_traffic_s: float


def first_traffic(seen: Seen) -> float | None:
    """When the first user had an answer from the new version."""
    answers = (request.answered for request in seen.requests if request.version == seen.version)
    return min((answer for answer in answers if answer >= seen.pushed), default=None)


def end_of(seen: Seen) -> float | None:
    """When the delivery was over for users, or nothing while it is not."""
    home = _home_since(seen)
    final = final_version(seen)
    if home is None or final is None:
        return None
    others = (one.answered for one in seen.requests if one.version not in ("", final) and one.t >= seen.pushed)
    return max(home, max(others, default=home))


def is_settled(seen: Seen, now: float) -> bool:
    """Whether nothing more is to come: ended, said to be final, and quiet since."""
    end = end_of(seen)
    return end is not None and _decided(seen) is not None and now >= end + SETTLE_S


def final_version(seen: Seen) -> str | None:
    """The version that gave the latest answer."""
    answers = [request for request in seen.requests if request.version]
    return max(answers, key=lambda request: request.answered).version if answers else None


def numbers(seen: Seen, step_s: float) -> Numbers:
    """The delivery's numbers.

    Raises:
        ValueError: it has not ended.
    """
    end, final = end_of(seen), final_version(seen)
    if end is None:
        raise ValueError(f"the delivery of {seen.version} has not ended")
    users = summarise(between(seen.requests, seen.pushed, end + SETTLE_S))
    first = first_traffic(seen)
    verdict = PROMOTED if final == seen.version else ROLLED_BACK
    of_it = users.versions.get(seen.version)
    return Numbers(
        verdict=verdict,
        push_to_first_traffic_s=None if first is None else round(first - seen.pushed, 2),
        push_to_end_s=round(end - seen.pushed, 2),
        step_holds_s=round(step_holds(seen, step_s), 2),
        requests=users.requests,
        failed_requests=users.failed,
        bad_traffic_s=round(of_it.last - of_it.first, 2) if of_it and verdict == ROLLED_BACK else 0.0,
    )


def step_holds(seen: Seen, step_s: float) -> float:
    """How long the route stood on steps that rose one from the other, each with ``step_s`` at most.

    Only steps at which users still had the primary count; all weight on the canary is part of a promotion.
    """
    points = [point for point in seen.route if point.t >= seen.pushed]
    total, highest = 0.0, 0
    for point, after in pairwise(points):
        if point.canary > highest and point.primary > 0:
            highest = point.canary
            total += min(after.t - point.t, step_s)
    return total


def _home_since(seen: Seen) -> float | None:
    points = [point for point in seen.route if point.t >= seen.pushed]
    if not any(point.canary for point in points):
        return _decided(seen)
    if points[-1].canary:
        return None
    last_away = max(index for index, point in enumerate(points) if point.canary)
    return points[last_away + 1].t


def _decided(seen: Seen) -> float | None:
    """When the Canary reached a final phase that it has not left since."""
    points = [point for point in seen.phases if point.t >= seen.pushed]
    if not points or points[-1].phase not in FINAL_PHASES:
        return None
    return points[-1].t
