"""Kubernetes Events about a Canary: what `kubectl describe` shows of it, and event exporters send on."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import EVENT
from sluice.manifests.flagger.canary import Canary

LONGEST = 1024
"""Characters that the API server takes as a message."""


async def report(cluster: Cluster, canary: Canary, reason: str, message: str, *, warning: bool = False) -> None:
    """Make an Event that refers to a Canary.

    Raises:
        SluiceError: it was not taken.
    """
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    await cluster.create(
        {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": f"{canary.name}.{uuid4().hex[:16]}", "namespace": canary.namespace},
            "involvedObject": {
                "apiVersion": canary.api_version,
                "kind": canary.kind,
                "name": canary.name,
                "namespace": canary.namespace,
                "uid": canary.metadata.uid,
                "resourceVersion": canary.metadata.resource_version,
            },
            "reason": reason,
            "message": message[:LONGEST],
            "type": "Warning" if warning else "Normal",
            "source": {"component": "sluice"},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
    )
