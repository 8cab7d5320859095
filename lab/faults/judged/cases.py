"""A case: one release that was hit by a fault, with all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.faults.applications import APPLICATIONS
from lab.faults.applications.base import CANARY, PRIMARY, Application, Place
from lab.faults.judged.history import AT_REST, History
from lab.faults.judged.observer import Answer
from lab.faults.plan import HANDS, OWN, Release

WITHOUT_WORD = {"oom", "clock jump", "api server restart", "contour away", "prometheus away", "node not ready"}
WITHOUT_WORD |= {"edit wrongly", "delete route", "delete canary service", "delete primary service", "delete primary"}
"""Faults under which a good release may be rolled back: they hit the release itself, or what it is judged by."""
CORRECTED_S: dict[str, float] = dict.fromkeys(HANDS, 4.0) | {"delete primary": 20.0, "edit primary": 10.0}
CORRECTED_S |= dict.fromkeys(OWN, 0.0)
"""Seconds within which what people changed is as it should be again: 2 s, and what the cluster's controllers need. What
an autoscaler does is nothing to be corrected: no law about the cluster is off while it does."""
COSTS_REQUESTS = {"delete route", "delete canary service", "delete primary service", "delete primary"}
"""Habits that cost users requests until they are corrected, whatever delivers the application."""
COSTS_REQUESTS |= {"edit primary", "scale primary"}
SCALES = {"autoscale target", "autoscale primary"}
"""These may: they take pods away that have the users. A DaemonSet on one node, and a Deployment that recreates its pods, are
away while they roll over; and a proxy may hear of a pod's end later than the pod does."""
COSTS_S = {kind: CORRECTED_S[kind] for kind in COSTS_REQUESTS} | dict.fromkeys(SCALES, 4.0)
"""Seconds after each of these in which requests may be lost. Of what an autoscaler does nothing else is excused."""
HARMS_USERS = {"oom", "api server restart", "contour away", "node not ready"}
"""Faults that cost users requests whatever delivers the application."""
UNATTENDED = {"kill both workers", "api cut"}
"""While these last there may be nobody who puts right what people changed: that time is not counted."""

Key = tuple[str, str]
"""Namespace and name of a Canary."""


@dataclass
class Hit:
    """One fault that a release was hit by.

    Attributes:
        aimed: whether it was this release's own fault, or one that hit it in passing.
        phase: where the rollout stood.
        boundary: the act at which the fault came, with `before ` or `after `; empty where it came at an instant.
        until: when the fault was over.
    """

    kind: str
    aimed: bool
    phase: str
    boundary: str
    at: float
    until: float = 0.0


@dataclass
class Case:
    """One release in a round.

    Attributes:
        old: the tag that users had before.
        tags: what was released, in order.
        since, began: the newest version in the cluster, and the time, just before the release.
        started: whether the release has been made.
        changed: when the target was changed last.
        ended: when the rollout had come to its end; None while it has not.
        answers: what users got from `began` on.
        others: what the users of its neighbour got from then on; nothing where it has none.
    """

    release: Release
    old: str
    tags: list[str] = field(default_factory=list)
    since: int = 0
    began: float = 0.0
    started: bool = False
    changed: float = 0.0
    ended: float | None = None
    hits: list[Hit] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    others: list[Answer] = field(default_factory=list)
    namespace: str = ""

    @property
    def app(self) -> str:
        return self.release.app

    @property
    def key(self) -> Key:
        """Namespace and name: twins have one name."""
        return self.namespace, self.app

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.app}-twin" if self.release.twin else self.app

    @property
    def shape(self) -> Application:
        return APPLICATIONS[self.release.shape]

    @property
    def target(self) -> Place:
        return self.shape.workload.named(self.app)

    @property
    def primary(self) -> Place:
        return self.shape.workload.named(f"{self.app}-{PRIMARY}")

    @property
    def route(self) -> Place:
        return self.shape.route.named(self.app)

    @property
    def under_way(self) -> bool:
        return self.started and self.ended is None

    def hit_by(self, kinds: set[str]) -> bool:
        return any(hit.kind in kinds for hit in self.hits)

    def by_hand(self, at: float, seconds: Mapping[str, float] = CORRECTED_S) -> bool:
        """Whether people have just changed something, or put it back, so that it need not be as it should be yet."""
        changes = ((hit.kind, change) for hit in self.hits if hit.kind in seconds for change in (hit.at, hit.until))
        return any(change <= at <= change + seconds[kind] + self.unattended(change, at) for kind, change in changes)

    def unattended(self, since: float, until: float) -> float:
        """Seconds between two instants in which there may have been no worker that reaches the cluster."""
        spans = sorted((hit.at, hit.until) for hit in self.hits if hit.kind in UNATTENDED)
        total, reached = 0.0, since
        for begun, over in spans:
            total += max(min(over, until) - max(begun, reached), 0.0)
            reached = max(reached, over)
        return total

    def last_fault_over(self) -> float:
        """When the last fault that hit it was over, seconds since the epoch."""
        return max((max(hit.until, hit.at) for hit in self.hits), default=0.0)

    def as_json(self) -> dict[str, Any]:
        """For the results' file; what users got in numbers only."""
        document = asdict(self)
        document["answers"], document["others"] = len(self.answers), len(self.others)
        return document


def at_rest(history: History, shape: Application, app: str) -> bool:
    """Whether nothing is on its way: the journal is closed, the traffic is home, the canary is at zero."""
    canary, route = history.now("canaries", app), history.now(*shape.route.named(app))
    target = history.now(*shape.workload.named(app))
    if canary.get("phase") not in AT_REST or not route or not target:
        return False
    return route["weights"].get(CANARY) == 0 and target["pods"] == 0 and not target["frozen"]


def has_ended(history: History, case: Case) -> bool:
    """Whether a release has come to the end that its story has."""
    if not case.started or not at_rest(history, case.shape, case.app):
        return False
    primary = history.now(*case.primary)
    promoted = primary.get("tag") == case.tags[-1] or (case.hit_by(WITHOUT_WORD) and _was_rolled_back(history, case))
    match case.release.story:
        case "good" | "superseded" | "first":
            return promoted
        case "reverted":
            return promoted and len(case.tags) == 2
        case _:
            return _was_rolled_back(history, case)


def _was_rolled_back(history: History, case: Case) -> bool:
    now = history.now("canaries", case.app)
    return now["phase"] == "Failed" and any(
        moment.facts.get("phase") not in AT_REST for moment in history.of("canaries", case.app, case.since)
    )


def where(history: History, case: Case) -> str:
    """Where a rollout stands, as its phases are named in the results."""
    canary = history.now("canaries", case.app)
    if not canary or canary["phase"] in {"", "Initializing"}:
        return "initialising"
    if canary["phase"] in AT_REST:
        began = any(one.facts.get("phase") not in AT_REST for one in history.of("canaries", case.app, case.since))
        return "ended" if began else "before begin"
    if canary["rollback reason"]:
        return "rolling back"
    if canary["phase"] != "Promoting" and len(case.tags) > 1:
        return "superseded"
    match canary["phase"]:
        case "Waiting":
            return "waiting gate"
        case "Progressing":
            return _progressing(history, case, canary["weight"], canary["step"])
        case "Promoting":
            return _promoting(history, case)
        case other:
            return str(other)


def _progressing(history: History, case: Case, weight: int, step: int) -> str:
    if weight == 0 and step < 0:
        return "scale up"
    route = history.now(*case.route)
    shifted = bool(route) and route["weights"].get(CANARY) == weight
    return f"step {weight} % analyse" if shifted else f"step {weight} % shift"


def _promoting(history: History, case: Case) -> str:
    route, primary = history.now(*case.route), history.now(*case.primary)
    if route["weights"].get(CANARY) != 100:
        return "Promoting: shift to canary or home"
    if primary.get("tag") not in case.tags:
        return "Promoting: before the primary is given it"
    done = primary["observed"] and primary["updated"] == primary["all"] == primary["ready"]
    return "Promoting: primary rolled over" if done else "Promoting: primary rolling over"
