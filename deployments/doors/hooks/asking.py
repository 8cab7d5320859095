"""Asks objects to be reconciled, as Flux does: by an annotation, which stays until somebody has answered it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind, Object
from blocks.kubernetes.tenants import Tenants
from sluice.errors import InvalidError, TerminalError
from sluice.events.receivers.asked import Wish, fulfils, request, wish
from sluice.manifests.flux.receiver import ANY, Receiver
from sluice.manifests.references import SourceKey

log = logging.getLogger("sluice.receiver")


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a delivery: the objects that were asked, and why others could not be."""

    objects: tuple[str, ...]
    faults: tuple[str, ...]


async def ask(
    cluster: Cluster, tenants: Tenants, receiver: Receiver, at: datetime, delivery: Callable[[], Mapping[str, Any]]
) -> Asked:
    """Ask all resources of a Receiver. One that cannot be asked does not keep the others from it.

    Args:
        cluster: where they are.
        tenants: whether objects of other namespaces may be asked.
        receiver: whose resources.
        at: when the delivery came.
        delivery: what filters see of it; asked for only where there are some.

    Raises:
        TransientError: the API server does not answer: the sender has to come again.
        InvalidError: there are filters, and the body is not what it is said to be.
    """
    spec = receiver.spec
    seen = delivery() if any(one.filters(spec.resource_filter) for one in spec.resources) else {}
    objects: list[str] = []
    faults: list[str] = []
    for resource in spec.resources:
        try:
            of = wish(receiver, resource)
            tenants.refuse_foreign(receiver.namespace, SourceKey(of.kind, of.namespace, of.name or ANY))
            objects += await _ask(cluster, of, at, resource.filters(spec.resource_filter), seen)
        except TerminalError as error:
            faults.append(f"{resource}: {error}")
            log.warning("%s: %s cannot be asked: %s", receiver, resource, error)
    return Asked(tuple(objects), tuple(faults))


async def _ask(
    cluster: Cluster, of: Wish, at: datetime, filters: tuple[str, ...], delivery: Mapping[str, Any]
) -> list[str]:
    if cluster.namespaces and of.namespace not in cluster.namespaces:
        raise InvalidError(f"namespace {of.namespace} is none of SLUICE_NAMESPACES")
    kind = await cluster.resource_for(of.api_version, of.kind)
    names = [of.name]
    if filters or not of.name:
        found = [await cluster.get(kind, of.name, of.namespace)] if of.name else await _labelled(cluster, kind, of)
        kept = [one for one in found if fulfils(filters, of.kind, of.api_version, one, delivery)]
        names = [one["metadata"]["name"] for one in kept]
    for name in names:
        await cluster.patch(kind, name, of.namespace, request(at))
    return [f"{of.kind}/{of.namespace}/{name}" for name in names]


async def _labelled(cluster: Cluster, kind: Kind, of: Wish) -> list[Object]:
    # Also those that Flux acts on: a request is for the controller that answers it.
    found, _ = await cluster.list_from(kind, of.namespace, of.labels)
    if not found:
        log.warning("%s: there is none", of)
    return found
