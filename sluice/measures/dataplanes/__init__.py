"""Data planes: how each one's proxies count requests. A new one is a file here and a row in this table."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.manifests.flagger.canary import Canary
from sluice.measures.dataplanes.base import ANY, Row
from sluice.measures.dataplanes.contour import contour
from sluice.measures.objective import Telemetry

GATEWAY_API: Row = {ANY: contour}
DATAPLANES: dict[str, Row] = dict.fromkeys(("", "gatewayapi", "gatewayapi:v1"), GATEWAY_API)
"""By `spec.provider` of a Canary. Without a row nothing counts requests on their way: built-in metrics are refused there."""


def telemetry_for(canary: Canary, controller: str = ANY, rows: Mapping[str, Row] = DATAPLANES) -> Telemetry | None:
    """How requests to a Canary's sides are counted on their way; None where nothing is known to count them.

    Args:
        controller: that the route's status names, where it is known.
        rows: the data planes that there are; an installation may have more than sluice's own.
    """
    row = rows.get(canary.spec.provider)
    if row is None:
        return None
    plane = row.get(controller) or row.get(ANY)
    return plane(canary) if plane else None


def fits(_name: str, row: object) -> bool:
    """Whether an object is a row that a package may add."""
    return isinstance(row, Mapping) and bool(row) and all(isinstance(k, str) and callable(v) for k, v in row.items())
