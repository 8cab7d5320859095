"""Writing the status of image objects, and the time of now for it."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime

from blocks.connections import connections
from blocks.kubernetes.cluster import Kind
from sluice.errors import NotFoundError
from sluice.manifests.flux.outcome import Body
from sluice.manifests.meta import Manifest


async def write(kind: Kind, about: Manifest, body: Body | None) -> None:
    """Write a status where there is something to write."""
    if body:
        # It was deleted meanwhile: nobody is left to read the reason.
        with contextlib.suppress(NotFoundError):
            await connections().cluster.patch(kind, about.name, about.namespace, body, subresource="status")


def epoch() -> float:
    """Seconds since the epoch."""
    return time.time()


def moment() -> datetime:
    """Now, with a time zone."""
    return datetime.fromtimestamp(epoch(), UTC)
