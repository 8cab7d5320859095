"""From what was seen to the figures that are compared: lateness, starts, cost per rollout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.scale.cost import requests
from bench.scale.cost.snapshot import Snapshot
from bench.scale.load import Load, Release
from bench.scale.story import Rollout, Story, most_at_once, spread

Seen = list[tuple[Release, float, Rollout]]


@dataclass(frozen=True)
class Asked:
    """How many queries a second Prometheus answered over some seconds, and at how many rollouts in progress."""

    in_progress: int
    per_s: float


def of(load: Load, seen: Seen, before: Snapshot, after: Snapshot, memory: dict[str, float]) -> dict[str, Any]:
    """All figures of one run."""
    return {
        "releases": len(seen),
        **outcomes(seen),
        "lateness_s": spread([late for _, _, one in seen for late in one.lateness]),
        "steps_held": sum(one.held for _, _, one in seen),
        "first_traffic_s": spread([one.first_traffic for _, _, one in seen if one.first_traffic is not None]),
        "begun_s": spread([one.begun for _, _, one in seen if one.begun is not None]),
        "took_s": spread([one.ended for _, _, one in seen if one.ended is not None]),
        **starts(load, seen, before.at),
        "memory_peak_mib": {name: round(mib, 1) for name, mib in memory.items()},
        **costs(len(seen), before, after),
    }


def outcomes(seen: Seen) -> dict[str, Any]:
    """How the releases ended, and how many of them otherwise than they should have."""
    ended = Counter(one.phase or "not ended" for _, _, one in seen)
    wrong = sum(one.phase not in {"", "Failed" if release.errors else "Succeeded"} for release, _, one in seen)
    return {"outcomes": dict(ended), "wrong_outcomes": wrong, "never_begun": sum(one.begun is None for *_, one in seen)}


def starts(load: Load, seen: Seen, first: float) -> dict[str, Any]:
    """How fast rollouts came into progress, and how many were so at once."""
    begun = sorted(released + one.begun - first for _, released, one in seen if one.begun is not None)
    spans = [(at + one.begun, at + one.ended) for _, at, one in seen if one.begun is not None and one.ended is not None]
    found: dict[str, Any] = {"in_progress_peak": most_at_once(spans)}
    if begun:
        found["starts_per_minute"] = round(60 * len(begun) / max(begun[-1], 1.0), 1)
    if load.per_minute:
        found["starts_by_minute"] = [
            sum(60 * minute <= at < 60 * (minute + 1) for at in begun) for minute in range(round(load.minutes))
        ]
    return found


def costs(releases: int, before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """CPU by group, API requests and queries, in all and per release."""
    seconds = after.at - before.at
    cpu = {name: round(used - before.cpu.get(name, 0.0), 2) for name, used in after.cpu.items()}
    busy = after.machine["busy"] - before.machine["busy"]
    idle = after.machine["idle"] - before.machine["idle"]
    cpu["others on this machine"] = round(max(0.0, busy - sum(cpu.values())), 2)
    asked = requests.since(before.requests, after.requests)
    total, queries = sum(asked.values()), after.queries - before.queries
    return {
        "window_s": round(seconds, 1),
        "machine_busy": round(busy / (busy + idle), 3),
        "cpu_s": dict(sorted(((name, used) for name, used in cpu.items() if used >= 0.05), key=lambda one: -one[1])),
        "worker_cpu_s_per_release": round(sum(v for k, v in cpu.items() if k.startswith("worker-")) / releases, 3),
        "server_cpu_s_per_release": round(cpu.get("prefect-server", 0.0) / releases, 3),
        "api_requests": total,
        "api_requests_per_release": round(total / releases, 1),
        "api_requests_by_kind_per_release": {name: round(count / releases, 2) for name, count in asked.items()},
        "queries_per_release": round(queries / releases, 1),
        "queries_per_s": round(queries / seconds, 1),
    }


def queries(asked: Sequence[Asked]) -> dict[str, Any]:
    """The most queries a second, and all that was counted: whether they grow with the number of rollouts."""
    most = max(asked, key=lambda one: one.per_s, default=Asked(0, 0.0))
    return {
        "queries_most": {"in_progress": most.in_progress, "per_s": round(most.per_s, 1)},
        "queries_counted": [[one.in_progress, round(one.per_s, 1)] for one in asked],
    }


def idle(before: Snapshot, after: Snapshot) -> dict[str, Any]:
    """What the same Canaries cost while nothing is released."""
    found = costs(1, before, after)
    cores = {name: round(used / found["window_s"], 3) for name, used in found["cpu_s"].items()}
    return {"idle": {"cores": cores, "api_requests_per_s": round(found["api_requests"] / found["window_s"], 2)}}


def acceptance(stories: Iterable[Story], since: float) -> dict[str, Any]:
    """How long the Gateway's controller took to accept a route's new weights."""
    return {"route_accepted_s": spread([took for one in stories for at, took in one.accepted if at >= since])}
