"""Reads what the recorder wrote and says how each rollout went: when its steps came, how late, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

PROGRESSING = ("Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising")
ENDED = ("Succeeded", "Failed")


@dataclass(slots=True)
class Story:
    """What was seen of one Canary and its route, in order of time.

    Attributes:
        weights: when the route got another canary weight.
        accepted: when a new generation of the route was accepted, and how many seconds after it was there.
        phases: when the Canary came into another phase.
        failed: when its count of failed checks rose.
    """

    weights: list[tuple[float, int]] = field(default_factory=list)
    accepted: list[tuple[float, float]] = field(default_factory=list)
    phases: list[tuple[float, str]] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    _open: tuple[int, float] = (0, 0.0)
    _checks: int = 0

    def take(self, line: dict[str, Any]) -> None:
        """Take in one line."""
        at = line["t"]
        if line["k"] == "canary":
            if not self.phases or self.phases[-1][1] != line["p"]:
                self.phases.append((at, line["p"]))
            if line["f"] > self._checks:
                self.failed.append(at)
            self._checks = line["f"]
            return
        if not self.weights or self.weights[-1][1] != line["w"]:
            self.weights.append((at, line["w"]))
        generation, since = self._open
        if line["g"] > generation:
            self._open = generation, since = line["g"], at
        if since and line["a"] >= generation:
            self.accepted.append((at, at - since))
            self._open = (generation, 0.0)

    @property
    def phase(self) -> str:
        """The phase that was seen last."""
        return self.phases[-1][1] if self.phases else ""


class Record:
    """The recorder's file, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.stories: dict[str, Story] = {}

    def read(self) -> dict[str, Story]:
        """All stories so far; a line that is not finished waits."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            self._offset += len(whole)
            for line in whole.splitlines():
                entry = json.loads(line)
                self.stories.setdefault(entry["n"], Story()).take(entry)
        return self.stories


@dataclass(frozen=True, slots=True)
class Rollout:
    """One release as it went.

    Attributes:
        begun: seconds from the release until the Canary said that it is in progress; None where it never did.
        first_traffic: seconds from the release to the canary's first traffic.
        ended: seconds from the release to its end.
        phase: how it ended, empty where it did not.
        lateness: of each step, seconds over the step's length.
        held: steps that were judged more than once, which is no lateness.
    """

    begun: float | None
    first_traffic: float | None
    ended: float | None
    phase: str
    lateness: tuple[float, ...]
    held: int


def rollout(story: Story, released: float, until: float, step_s: float) -> Rollout:
    """The release at `released`; what comes after `until` belongs to the next one."""

    def first(times: Iterable[float]) -> float | None:
        return next((at - released for at in times if released <= at < until), None)

    begun = first(at for at, phase in story.phases if phase in PROGRESSING)
    ends = [(at, phase) for at, phase in story.phases if phase in ENDED and released < at < until]
    since = released + (begun or 0.0)
    ends = [(at, phase) for at, phase in ends if begun is not None and at >= since]
    steps = [(at, weight) for at, weight in story.weights if released <= at < until]
    lateness, held = [], 0
    for (one, weight), (other, following) in pairwise(steps):
        if not 0 < weight < following:
            continue
        if any(one < at <= other for at in story.failed):
            held += 1
        else:
            lateness.append(other - one - step_s)
    return Rollout(
        begun=begun,
        first_traffic=first(at for at, weight in steps if weight > 0),
        ended=ends[0][0] - released if ends else None,
        phase=ends[0][1] if ends else "",
        lateness=tuple(lateness),
        held=held,
    )


def spread(values: Sequence[float]) -> dict[str, float]:
    """Percentiles by rank, seconds."""
    ordered = sorted(values)
    if not ordered:
        return {"n": 0}

    def rank(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3)

    return {"p50": rank(0.5), "p95": rank(0.95), "p99": rank(0.99), "max": rank(1.0), "n": len(ordered)}


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """How many of these spans of time overlap at most."""
    edges = sorted(edge for begin, end in spans for edge in ((begin, 1), (end, -1)))
    most = now = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most
