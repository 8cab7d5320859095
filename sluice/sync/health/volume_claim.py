"""PersistentVolumeClaims."""

from __future__ import annotations

from sluice.sync.health.base import READY, Health, Object, broken, status_of, working


def health(item: Object) -> Health:
    """It has a volume."""
    phase = status_of(item).get("phase")
    if phase == "Lost":
        return broken("its volume is lost")
    return READY if phase == "Bound" else working(f"its phase is {phase or 'not known yet'}")
