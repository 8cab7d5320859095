"""What will happen in a round, drawn from a seed: the same seed and round always give the same plan."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.faults.proxies.acts import BOUNDARIES

APPS: tuple[str, ...] = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine")
APPS += ("alder", "aspen", "beech", "ebony", "holly", "lime", "olive", "plum", "rowan", "yew")
"""Applications that live through all rounds."""
APPS_BY_DEFAULT = 10
GATED = {"oak": "confirm-rollout", "pine": "confirm-promotion"}
"""Applications whose Canary has a gate, and which."""

STORIES = {"good": 9, "bad": 4, "never": 2, "superseded": 3, "reverted": 2}
"""What a release is like, and how often. `superseded`: a second good one comes while the first is on its way."""

PROCESS = {
    "kill worker": 8,
    "kill worker for good": 2,
    "kill both workers": 1,
    "freeze worker": 5,
    "clock jump": 1,
    "kill watcher": 2,
    "freeze watcher": 1,
    "kill receiver": 1,
    "freeze receiver": 1,
    "kill server": 2,
    "freeze server": 1,
    "server away": 1,
    "api cut": 2,
    "watches dropped": 1,
    "watches held": 1,
}
"""Faults of a whole process or of all its connections, and how often. One at a time; each hits every rollout under way."""

AIMED = {
    "api 429": 2,
    "api 500": 2,
    "api hang": 2,
    "api 409": 2,
    "api slow": 1,
    "api answer lost": 3,
    "metrics gone": 2,
    "metrics slow": 1,
    "metrics empty": 2,
    "metrics nan": 1,
    "metrics stale": 2,
    "oom": 2,
}
"""Faults that hit one Canary only, and how often; many of them at once."""

WHOLE_LAB = ("api server restart", "contour away", "prometheus away", "node not ready")
"""Faults of the lab itself: they hit everybody who works on it, and are asked for by name only."""

KINDS = (*PROCESS, *AIMED, *WHOLE_LAB)
PROCESS_FAULTS_A_ROUND = 4
LATEST_START_S = 6.0
LATEST_INSTANT_S = 22.0
INITIALISING = ("journal Initializing", "apply primary", "apply service", "create route", "scale target to 0")
ENDINGS = {
    "good": (),
    "bad": ("journal rolling back", "route 0", "scale target to 0", "journal Failed", "route step"),
    "never": ("journal rolling back", "scale target up", "scale target to 0", "journal Failed"),
    "superseded": ("journal superseded", "route 0", "begin", "scale target up"),
    "reverted": ("route 0", "scale target to 0", "begin", "journal Succeeded"),
    "first": (*INITIALISING, "journal Initialized"),
}
"""Boundaries that a story is sure to come to, in addition to those of all stories."""
FORWARD = tuple(
    one
    for one in BOUNDARIES
    if one not in {"journal rolling back", "journal Failed", "journal superseded"}
    and one not in {"journal Initializing", "apply service", "create route", "journal Initialized"}
    and not one.startswith("journal Waiting")
)


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        boundary: the act at which it comes; empty: at an instant.
        before: whether it comes before that act is done, or after, before its answer.
        instant: seconds after the release at which it comes, where there is no boundary.
        seconds: how long it lasts, where it lasts.
    """

    kind: str
    boundary: str = ""
    before: bool = True
    instant: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Release:
    """One release of one application; `again` is when its second change comes, seconds after the first one."""

    app: str
    story: str
    start: float
    again: float = 0.0
    fault: Fault | None = None


@dataclass(frozen=True)
class Plan:
    """One round."""

    seed: int
    number: int
    releases: list[Release] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Plan:
        releases = [
            Release(**{**one, "fault": Fault(**one["fault"]) if one["fault"] else None}) for one in document["releases"]
        ]
        return cls(document["seed"], document["number"], releases)


def draw(seed: int, number: int, apps: tuple[str, ...] = APPS, only: str = "") -> Plan:
    """The plan of a round.

    Args:
        seed: of the whole run.
        number: of the round.
        apps: the applications to release.
        only: one kind of fault, where all others are to be left out.
    """
    dice = random.Random(f"{seed}/{number}")
    order = list(apps)
    dice.shuffle(order)
    releases = []
    order[-1] = f"new{number}"
    for index, app in enumerate(order):
        story = dice.choices(list(STORIES), list(STORIES.values()))[0]
        if index == len(order) - 1:
            story = "first"
        kinds = PROCESS if index % 3 == 0 and index // 3 < PROCESS_FAULTS_A_ROUND else AIMED
        kind = only or dice.choices(list(kinds), list(kinds.values()))[0]
        start, again = round(dice.uniform(0, LATEST_START_S), 2), round(dice.uniform(2, 14), 2)
        fault = _fault(dice, app, story, kind) if not _crowded(only, index) else None
        releases.append(Release(app, story, start, again, fault))
    return Plan(seed, number, releases)


def _crowded(only: str, index: int) -> bool:
    """Whether a round of one kind of process fault has enough of them; the other rollouts are hit all the same."""
    return (only in WHOLE_LAB and index > 0) or (only in PROCESS and index % 3 != 0)


def _fault(dice: random.Random, app: str, story: str, kind: str) -> Fault:
    boundary, before, instant = "", dice.random() < 0.5, round(dice.uniform(0.1, LATEST_INSTANT_S), 2)
    if dice.random() < 0.7 and not kind.startswith("metrics") and kind != "oom":
        gate = {"confirm-rollout": ("journal Waiting",), "confirm-promotion": ("journal WaitingPromotion",)}
        common = FORWARD if story == "good" else ("begin", "scale target up", "journal step", "take lease")
        # What only this story comes to counts twice: else its last acts would hardly ever be hit.
        choice = [*common, *ENDINGS[story] * 2, *gate.get(GATED.get(app, ""), ()) * 2]
        boundary = dice.choice(choice if story != "first" else list(ENDINGS["first"]))
    if kind.startswith("metrics") or kind == "oom":
        instant = round(dice.uniform(3, 14), 2)
    return Fault(kind, boundary, before, instant, round(_seconds(dice, kind), 2))


def _seconds(dice: random.Random, kind: str) -> float:
    match kind:
        case "freeze worker":
            return dice.uniform(11, 17)
        case "kill worker for good":
            return 25.0
        case "server away":
            return dice.uniform(35, 50)
        case "freeze server" | "freeze watcher" | "freeze receiver":
            return dice.uniform(3, 12)
        case "node not ready":
            return 75.0
        case "contour away" | "prometheus away":
            return 15.0
        case "clock jump":
            return dice.choice([-3600.0, -30.0, 30.0, 3600.0])
        case _ if kind.startswith(("metrics", "api", "watches")):
            return dice.uniform(2, 14)
        case _:
            return dice.uniform(0, 2)
