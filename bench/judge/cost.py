"""What one verdict costs in a worker: a scrape's block taken in for every metric, and the decision."""

from __future__ import annotations

from math import log
from typing import Any

from bench.judge.streams import METRICS
from bench.rules import microseconds
from sluice.judge.evidence import Evidence, together


def measure(alpha: float) -> dict[str, Any]:
    """Microseconds a verdict, of the code that the product runs."""
    parts = [Evidence.against(0.01).add(20, 1) for _ in range(METRICS)]

    def verdict() -> bool:
        return together([part.add(20, 1) for part in parts]) >= log(1 / alpha)

    return microseconds(verdict)
