"""Asks objects to be reconciled, as Flux does: by an annotation, which stays until somebody has answered it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from blocks.kubernetes.cluster import Cluster
from sluice.errors import InvalidError, TerminalError
from sluice.events.receivers.asked import Wish, request, wish
from sluice.manifests.flux.receiver import Receiver

log = logging.getLogger("sluice.receiver")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a delivery: the objects that were asked, and why others could not be."""

    objects: tuple[str, ...]
    faults: tuple[str, ...]


async def ask(cluster: Cluster, receiver: Receiver, at: datetime) -> Asked:
    """Ask all resources of a Receiver. One that cannot be asked does not keep the others from it.

    Raises:
        TransientError: the API server does not answer: the sender has to come again.
    """
    objects: list[str] = []
    faults: list[str] = []
    for resource in receiver.spec.resources:
        try:
            objects += await _ask(cluster, wish(receiver, resource), at)
        except TerminalError as error:
            faults.append(f"{resource}: {error}")
            log.warning("%s: %s cannot be asked: %s", receiver, resource, error)
    return Asked(tuple(objects), tuple(faults))


async def _ask(cluster: Cluster, of: Wish, at: datetime) -> list[str]:
    if cluster.namespaces and of.namespace not in cluster.namespaces:
        raise InvalidError(f"namespace {of.namespace} is none of SLUICE_NAMESPACES")
    kind = await cluster.resource_for(of.api_version, of.kind)
    names = [of.name] if of.name else await _named(cluster, of)
    if not names:
        log.warning("%s: there is none", of)
    for name in names:
        await cluster.patch(kind, name, of.namespace, request(at))
    return [f"{of.kind}/{of.namespace}/{name}" for name in names]


async def _named(cluster: Cluster, of: Wish) -> list[str]:
    kind = await cluster.resource_for(of.api_version, of.kind)
    found = await cluster.list(kind, of.namespace, of.labels)
    return [one["metadata"]["name"] for one in found]
