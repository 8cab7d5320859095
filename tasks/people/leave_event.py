"""Leave a Kubernetes Event of what was done: for `kubectl describe`, alerts and exporters. Display, not truth."""

from __future__ import annotations

from contextlib import suppress

from blocks.connections import connections
from blocks.kubernetes.reports import report
from sluice.errors import SluiceError
from sluice.manifests.meta import Manifest


async def leave_event(about: Manifest, reason: str, message: str, *, warning: bool = False) -> None:
    """Make an Event about an object; one that the API server does not take is missing, and holds nothing up."""
    with suppress(SluiceError):
        await report(connections().cluster, about, reason, message, warning=warning)
