"""Serves sluice's own metrics: `GET /metrics` on a port of its own, where SLUICE_OWN_METRICS_PORT is set."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Metric, start_http_server

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import FLAG_AUDIT
from deployments.measured.flags import FlagMetrics
from deployments.settings import Settings
from sluice.errors import NotFoundError, SluiceError, TerminalError
from sluice.manifests.own.flag_audit import FlagAudit

LOOK_EVERY = 60.0
"""Seconds between two looks at the FlagAudits: they change once a week."""
log = logging.getLogger("sluice.measured")


class _Now(FlagMetrics):
    """With the time of each scrape."""

    def collect(self) -> Iterator[Metric]:
        self.now = datetime.now(UTC)
        yield from super().collect()


async def measure(cluster: Cluster, settings: Settings) -> None:
    """Serve the metrics until it is cancelled. Where no port is set there are none.

    Raises:
        TerminalError: the port is taken.
    """
    if settings.own_metrics_port is None:
        await asyncio.Event().wait()
        return
    metrics = _Now(datetime.now(UTC))
    registry = CollectorRegistry()
    registry.register(metrics)
    with _served(registry, settings.receiver_host, settings.own_metrics_port):
        while True:
            await look(cluster, metrics, settings.namespaces)
            await asyncio.sleep(LOOK_EVERY)


async def look(cluster: Cluster, metrics: FlagMetrics, namespaces: tuple[str, ...]) -> None:
    """See what the audits found. What cannot be seen now stays as it was."""
    found: list[FlagAudit] = []
    try:
        for namespace in namespaces or (None,):
            found += FlagAudit.valid(await cluster.list(FLAG_AUDIT, namespace))
    except NotFoundError:
        found = []  # the cluster does not know the kind
    except SluiceError as error:
        log.warning("the FlagAudits could not be read for metrics: %s", error)
        return
    metrics.audits = tuple(found)


@contextmanager
def _served(registry: CollectorRegistry, host: str, port: int) -> Iterator[None]:
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise TerminalError(
            f"port {port} on {host} cannot be used ({error.strerror}): set SLUICE_OWN_METRICS_PORT"
        ) from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2.0)
