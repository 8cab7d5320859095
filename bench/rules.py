"""What the pure rules cost: they run at every scrape of every rollout."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from sluice.judge.bets.blocks import Evidence
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.decide import decide
from sluice.rollout.decision import Seen
from sluice.rollout.revision import revision_of

ROUNDS, CALLS = 15, 300

CANARY = Canary.parse(
    {
        "metadata": {"name": "shop", "namespace": "test"},
        "spec": {
            "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "service": {"port": 80},
            "analysis": {
                "interval": "10s",
                "stepWeight": 10,
                "maxWeight": 50,
                "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}],
            },
        },
        "status": {
            "phase": "Progressing",
            "lastAppliedSpec": "b",
            "lastPromotedSpec": "a",
            "canaryWeight": 20,
            "step": 1,
        },
    }
)
DEPLOYMENT: dict[str, Any] = {
    "spec": {
        "template": {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"image": "shop:1.0.0"}] * 3}}
    }
}


def measure() -> dict[str, Any]:
    """Microseconds a call of each rule: minimum, median, maximum over rounds."""
    seen = Seen("b", carries="b", weight=20, scaled=True)
    evidence = Evidence.against(0.01).add(20, 1)
    return {
        "decide": microseconds(lambda: decide(CANARY, seen)),
        "evidence of one block": microseconds(lambda: evidence.add(20, 1).log_wealth),
        "revision of a Deployment": microseconds(lambda: revision_of(DEPLOYMENT)),
    }


def microseconds(call: Callable[[], object]) -> dict[str, float]:
    """Microseconds a call: minimum, median, maximum over rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(CALLS):
            call()
        rounds.append((time.perf_counter() - began) / CALLS * 1e6)
    return {
        "min_us": round(min(rounds), 2),
        "median_us": round(statistics.median(rounds), 2),
        "max_us": round(max(rounds), 2),
        "n": ROUNDS * CALLS,
    }
