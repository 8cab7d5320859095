"""The sides of a release: who serves users, who is judged, and what it may be compared with."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """One side of a release. Its value ends the names of that side's Service and workload."""

    PRIMARY = "primary"
    """Serves users; runs what was promoted last."""
    CANARY = "canary"
    """Runs the new revision; the target itself."""
    BASELINE = "baseline"
    """New pods of what the primary runs, for `analysis.comparison`."""
