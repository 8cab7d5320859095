"""What will happen in a round, drawn from a seed: the same seed and round always give the same plan."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.faults.applications import APPLICATIONS, shape_of
from lab.faults.applications.base import Application

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

HANDS = {
    "delete route": 2,
    "delete canary service": 2,
    "delete primary service": 1,
    "delete primary": 1,
    "edit primary": 2,
    "scale primary": 1,
    "scale target": 1,
    "suspend": 1,
    "close gate": 3,
    "ask for a pause": 3,
    "loosen threshold": 1,
    "edit wrongly": 1,
    "fail run": 2,
    "autoscale target": 3,
    "autoscale primary": 3,
    "raise least pods": 3,
}
"""What people do to one Canary's objects, and how often: a third of what is aimed at one Canary."""
OWN = frozenset(hand for shape in APPLICATIONS.values() for hand in shape.hands)
"""What is only done to applications of a shape that says so."""
HAND_SHARE = 0.34
OWN_SHARE = 0.5
"""Of what is aimed at an application that has such hands: they are what its shape is there for."""

SET_BY_HAND = "set by hand"
"""What people say where they set a run's state by force."""

WHOLE_LAB = ("api server restart", "contour away", "prometheus away", "node not ready")
"""Faults of the lab itself: they hit everybody who works on it, and are asked for by name only."""

KINDS = (*PROCESS, *AIMED, *HANDS, *WHOLE_LAB)
PROCESS_FAULTS_A_ROUND = 4
LATEST_START_S = 6.0
LATEST_INSTANT_S = 22.0
INITIALISING = ("journal Initializing", "apply primary", "apply service", "create route", "scale target to 0")
ENDINGS = {
    "good": (),
    "bad": ("journal rolling back", "route 0", "scale target to 0", "journal Failed", "route step"),
    "never": ("journal rolling back", "scale target up", "scale target to 0", "journal Failed"),
    "superseded": ("journal superseded", "thaw target", "route 0", "begin", "scale target up"),
    "reverted": ("route 0", "scale target to 0", "begin", "journal Succeeded"),
    "first": (*INITIALISING, "journal Initialized"),
}
"""Boundaries that a story is sure to come to, next to those of all; a route's writes as an HTTPRoute's are called."""
COMMON: tuple[str, ...] = ("begin", "scale target up", "journal step", "take lease")
FORWARD: tuple[str, ...] = (
    *COMMON,
    "route step",
    "journal evidence",
    "freeze target",
    "journal Promoting",
    "route 100",
)
FORWARD += ("apply primary", "route 0", "journal Finalising", "scale target to 0", "journal Succeeded")
GATE_ACTS = {"confirm-rollout": ("journal Waiting",) * 4, "confirm-promotion": ("journal WaitingPromotion",) * 4}
"""One application of all comes to each of them: they count more often than others."""


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
    """One release of one application.

    Attributes:
        again: when its second change comes, seconds after the first one.
        shape: of the application, by its name in the table.
        twin: whether it is the one in the second namespace.
    """

    app: str
    story: str
    start: float
    again: float = 0.0
    fault: Fault | None = None
    shape: str = "gateway_deployment"
    twin: bool = False


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


def draw(
    seed: int,
    number: int,
    apps: tuple[str, ...] = APPS,
    only: str = "",
    shapes: tuple[str, ...] = tuple(APPLICATIONS),
) -> Plan:
    """The plan of a round.

    Args:
        seed: of the whole run.
        number: of the round.
        apps: the applications to release.
        only: one kind of fault, where all others are to be left out.
        shapes: the shapes that applications may have.
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
        shape = shape_of(seed, app, shapes)
        kind = only or _kind(dice, index, APPLICATIONS[shape])
        start, again = round(dice.uniform(0, LATEST_START_S), 2), round(dice.uniform(2, 14), 2)
        pointless = _crowded(only, index) or not _strikes(kind, APPLICATIONS[shape])
        fault = None if pointless else _fault(dice, app, story, kind, APPLICATIONS[shape])
        releases.append(Release(app, story, start, again, fault, shape))
        if APPLICATIONS[shape].twin:
            releases.append(_twin(random.Random(f"{seed}/{number}/{app}/twin"), releases[-1], only))
    return Plan(seed, number, releases)


def _twin(dice: random.Random, of: Release, only: str) -> Release:
    """The release of the twin, with a story and a fault of its own, by dice of its own: all others stay as they are."""
    shape, others = APPLICATIONS[of.shape], {story: often for story, often in STORIES.items() if story != of.story}
    story = of.story if of.story == "first" else dice.choices(list(others), list(others.values()))[0]
    start, again = round(dice.uniform(0, LATEST_START_S), 2), round(dice.uniform(2, 14), 2)
    kind = only or _kind(dice, 1, shape)
    fault = None if only in PROCESS or only in WHOLE_LAB else _fault(dice, of.app, story, kind, shape)
    return Release(of.app, story, start, again, fault, of.shape, twin=True)


def acts(shape: Application, story: str) -> list[str]:
    """The acts that releases of this shape and story come to, by their names."""
    strategy, own = shape.strategy, shape.route.acts
    if story == "first":
        found = (*ENDINGS[story], *(["apply autoscaler"] if shape.autoscaler else []))
    else:
        # What only this story comes to counts twice: else its last acts would hardly ever be hit.
        found = (*(FORWARD if story == "good" else COMMON), *strategy.acts, *ENDINGS[story] * 2)
    never = (
        set() if strategy.shares or story == "good" else {"route 0", "route step"}
    )  # its users were at home all along
    return [name for name in (own.get(one, one) for one in found if one not in never) if name]


def _kind(dice: random.Random, index: int, shape: Application) -> str:
    kinds = PROCESS if index % 3 == 0 and index // 3 < PROCESS_FAULTS_A_ROUND else AIMED
    if kinds is AIMED and shape.hands and dice.random() < OWN_SHARE:
        kinds = {hand: HANDS[hand] for hand in shape.hands}
    elif kinds is AIMED and dice.random() < HAND_SHARE:
        kinds = HANDS
    possible = {kind: often for kind, often in kinds.items() if _strikes(kind, shape)}
    return dice.choices(list(possible), list(possible.values()))[0]


def _strikes(kind: str, shape: Application) -> bool:
    """Whether applications of a shape notice such a fault at all."""
    return (shape.strategy.measured or not kind.startswith("metrics")) and (kind not in OWN or kind in shape.hands)


def _crowded(only: str, index: int) -> bool:
    """Whether a round of one kind of process fault has enough of them; the other rollouts are hit all the same."""
    return (only in WHOLE_LAB and index > 0) or (only in PROCESS and index % 3 != 0)


def _fault(dice: random.Random, app: str, story: str, kind: str, shape: Application) -> Fault:
    boundary, before, instant = "", dice.random() < 0.5, round(dice.uniform(0.1, LATEST_INSTANT_S), 2)
    if dice.random() < 0.7 and not kind.startswith("metrics") and kind != "oom":
        boundary = dice.choice([*acts(shape, story), *GATE_ACTS.get(GATED.get(app, ""), ())])
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
        case _ if kind in HANDS or kind.startswith(("metrics", "api", "watches")):
            return dice.uniform(2, 14)
        case _:
            return dice.uniform(0, 2)
