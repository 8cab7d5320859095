"""The results' file: machine, load, seed, settings, cases by kind of fault and by phase, recovery times, violations."""

from __future__ import annotations

import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.faults import field, play
from lab.faults.applications import parts, service_blue_green
from lab.faults.applications.base import INTERVAL_S
from lab.faults.judged import laws
from lab.faults.judged.cases import HARMS_USERS, Case, Hit
from lab.faults.plan import KINDS, PROCESS_FAULTS_A_ROUND, WHOLE_LAB
from lab.faults.play import Result
from lab.machine import hardware

GOOD = {"good", "superseded", "reverted", "first"}


def document(results: Sequence[Result], seed: int, began: float, load_at_start: float) -> dict[str, Any]:
    """All of it, for people and for the table in the documentation."""
    cases = [case for result in results for case in result.hit]
    hits = [hit for case in cases for hit in case.hits]
    aimed = [hit for hit in hits if hit.aimed]
    requests = sum(len(case.answers) for case in cases)
    return {
        "machine": hardware.describe()
        | {"load_average_start": load_at_start, "load_average_end": hardware.load_average()},
        "seed": seed,
        "rounds": len(results),
        "seconds": round_(time.time() - began),
        "settings": {
            "steps": parts.WEIGHTS,
            "iterations": service_blue_green.ITERATIONS,
            "interval, s": INTERVAL_S,
            "requests per second and application": field.RATE,
            "progress deadline, s": parts.DEADLINE_S,
            "process faults a round, at most": PROCESS_FAULTS_A_ROUND,
            "ends within, s": play.ENDS_WITHIN_S,
            "bad revision's bound, s": laws.BAD_BOUND_S,
            "workers": 2,
        },
        "releases": sum(len(result.cases) for result in results),
        "cases": len(cases),
        "hits": {"aimed": len(aimed), "in passing": len(hits) - len(aimed)},
        "cases by shape": dict(Counter(case.release.shape for case in cases).most_common()),
        "cases by story": dict(Counter(case.release.story for case in cases).most_common()),
        "cases by kind": cases_by_kind(cases),
        "hits by kind": dict(Counter(hit.kind for hit in hits).most_common()),
        "hits by kind and phase": by_phase(hits),
        "hits by phase": dict(Counter(hit.phase for hit in hits).most_common()),
        "aimed hits by kind": dict(Counter(hit.kind for hit in aimed).most_common()),
        "hits by boundary": dict(Counter(hit.boundary for hit in aimed if hit.boundary).most_common()),
        "violations": sum(len(result.violations) for result in results),
        "users": {"requests": requests, "failed but for bad revisions' own answers": _lost(results)}
        | under_kills(cases),
        "observer's gaps": sum(result.gaps for result in results),
        "recovery": recoveries(results),
        "bad revisions had users for, s": spread([one for result in results for one in result.harm]),
        "accepted pushes": sum(result.accepted for result in results),
        "broken": [
            {"round": f"{result.plan.seed}/{result.plan.number}", **asdict(violation)}
            for result in results
            for violation in result.violations
        ],
    }


def by_phase(hits: Sequence[Hit]) -> dict[str, dict[str, int]]:
    """Kind of fault → phase → how many rollouts it hit there."""
    kinds = [kind for kind, _ in Counter(hit.kind for hit in hits).most_common()]
    return {kind: dict(Counter(hit.phase for hit in hits if hit.kind == kind).most_common()) for kind in kinds}


def cases_by_kind(cases: Sequence[Case]) -> dict[str, dict[str, int]]:
    """Each kind of fault and habit of people, also where none was met, with the number of cases that it hit."""
    return {
        kind: {
            "cases": sum(case.hit_by({kind}) for case in cases),
            "aimed": sum(any(hit.kind == kind and hit.aimed for hit in case.hits) for case in cases),
        }
        for kind in KINDS
        if kind not in WHOLE_LAB or any(case.hit_by({kind}) for case in cases)
    }


def table(cases: Sequence[Case]) -> list[str]:
    """The cases by kind as lines for people: what was met most comes first, what was not met last."""
    counts = cases_by_kind(cases)
    width = max(map(len, counts))
    lines = [f"{'':{width}}  cases  aimed"]
    for kind, one in sorted(counts.items(), key=lambda item: -item[1]["cases"]):
        lines.append(f"{kind:{width}}  {one['cases']:5}  {one['aimed']:5}")
    return lines


def under_kills(cases: Sequence[Case]) -> dict[str, int]:
    """What users of good releases got while something was killed, and nothing that takes pods or the Gateway away."""
    killed = [case for case in cases if any(hit.kind.startswith("kill") for hit in case.hits)]
    good = [case for case in killed if case.release.story in GOOD and not case.hit_by(HARMS_USERS)]
    answers = [one for case in good for one in case.answers]
    return {
        "good releases under kills": len(good),
        "requests in good releases under kills": len(answers),
        "failed requests in good releases under kills": sum(one.failed for one in answers),
    }


def recoveries(results: Sequence[Result]) -> dict[str, Any]:
    """Per kind of kill: seconds until a rollout went on, by whom."""
    kinds_found = {}
    every = [one for result in results for one in result.recoveries]
    for kind in sorted({one.kind for one in every}):
        mine = [one for one in every if one.kind == kind]
        back = [one for one in mine if one.same]
        kinds_found[kind] = {
            "another worker went on, from the kill": spread([one.from_fault for one in mine if not one.same]),
            "the killed worker went on, from the kill": spread([one.from_fault for one in back]),
            "the killed worker went on, from its start": spread([one.from_start for one in back]),
            "the killed worker went on, from when it was ready": spread([one.from_ready for one in back]),
        }
    return kinds_found


def spread(values: list[float]) -> dict[str, float]:
    """Number, median, 95th percentile and maximum."""
    if not values:
        return {"n": 0}
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "n": len(values),
        "median": round_(statistics.median(values)),
        "p95": round_(p95),
        "max": round_(ordered[-1]),
    }


def round_(value: float) -> float:
    """To the hundredth."""
    return float(f"{value:.2f}")


def _lost(results: Sequence[Result]) -> dict[str, int]:
    """Requests that failed, by what hit the release; a bad revision's own answers are what it is there for."""
    lost: Counter[str] = Counter()
    for case in (case for result in results for case in result.cases):
        failed = sum(one.failed and not one.version.endswith("-bad") for one in case.answers)
        if failed:
            lost[", ".join(sorted({hit.kind for hit in case.hits})) or "no fault"] += failed
    return dict(lost)


def write(path: Path, document: dict[str, Any]) -> None:
    """Write the results."""
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def line(result: Result) -> str:
    """One round in one line."""
    kinds = Counter(hit.kind for case in result.cases for hit in case.hits if hit.aimed)
    counts = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items())
    verdict = f"{len(result.violations)} BROKEN" if result.violations else "all laws kept"
    return f"round {result.plan.number}: {len(result.hit)} cases in {result.seconds:.0f} s, {verdict} ({counts})"
