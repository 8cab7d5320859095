"""Kubernetes Events about an object: what `kubectl describe` shows of it, and event exporters send on."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import EVENT
from sluice.manifests.meta import Manifest

REPORTED = {"app.kubernetes.io/managed-by": "sluice"}
"""Labels of the Events that sluice makes: alerts watch only these."""
LONGEST = 1024
"""Characters that the API server takes as a message."""


async def report(
    cluster: Cluster, about: Manifest, reason: str, message: str, *, warning: bool = False, mark: str = ""
) -> None:
    """Make an Event that refers to an object.

    Args:
        cluster: where.
        about: the object.
        reason: in one word.
        message: what happened.
        warning: whether somebody should look.
        mark: what makes two Events one; empty for nothing.

    Raises:
        ConflictError: an Event with this mark was made before.
        SluiceError: it was not taken.
    """
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    await cluster.create(
        {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {
                "name": f"{about.name}.{mark or uuid4().hex[:16]}",
                "namespace": about.namespace,
                "labels": dict(REPORTED),
            },
            "involvedObject": {
                "apiVersion": about.api_version,
                "kind": about.kind,
                "name": about.name,
                "namespace": about.namespace,
                "uid": about.metadata.uid,
                "resourceVersion": about.metadata.resource_version,
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
