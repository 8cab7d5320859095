"""What is counted at one moment; two of them give the cost of what came between."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Snapshot:
    """Counters at one moment."""

    at: float
    cpu: dict[str, float]
    machine: dict[str, float]
    requests: dict[str, int]
    queries: float
