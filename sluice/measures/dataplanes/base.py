"""What a data plane tells: the names and labels of the series by which its proxies count requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sluice.manifests.flagger.canary import Canary
from sluice.measures.objective import Telemetry


class DataPlane(Protocol):
    """How the proxies of one data plane count the requests to a Canary's sides."""

    def __call__(self, canary: Canary) -> Telemetry:
        """The series, and the labels that tell sides, and good from bad, apart."""


ANY = ""
"""The controller of a row that asks for none."""
Row = Mapping[str, DataPlane]
"""Data planes behind one provider, by the controller that a route's own status names (`controllerName`), `ANY` where it is
not known: behind the Gateway API several controllers count in different words."""
