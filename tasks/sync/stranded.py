"""Kustomizations whose source nobody here fetches: they say so on themselves, with the way out.

Flux says nothing of the kind, for there one controller fetches what another applies. Here the source may be left to Flux, be
outside of what this installation looks after, or not be there at all; without a word of it the Kustomization would look as
if all were well.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable

from blocks.connections import Connections
from blocks.sources.table import SOURCES
from sluice.errors import InvalidError, SluiceError
from sluice.manifests.beside_flux import left_to_flux
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.references import SourceKey
from sluice.sync.record import SOURCE_REFUSED
from tasks.sync.kustomizations.status import Status, now

log = logging.getLogger("sluice.reconcile")


async def say_stranded(wired: Connections, followers: Iterable[Kustomization], fetched: Collection[SourceKey]) -> None:
    """Have each one whose source is not among those that are fetched say why, once."""
    why: dict[SourceKey, str] = {}
    for one in followers:
        if one.spec.suspend or one.leaving or one.source in fetched or one.source.kind not in SOURCES:
            continue
        try:
            if one.source not in why:
                why[one.source] = await _why(wired, one.source)
            if why[one.source] and not _says(one, why[one.source]):
                await Status.read_from(wired.cluster, one).fail(SOURCE_REFUSED, InvalidError(why[one.source]))
        except SluiceError as error:
            log.warning("%s: its source %s was not looked at: %s", one, _named(one.source), error)


async def _why(wired: Connections, key: SourceKey) -> str:
    """Why a source is not fetched; empty where it only rests."""
    scope = wired.cluster.namespaces
    if scope and key.namespace not in scope:
        return f"{_named(key)} is not fetched: namespace {key.namespace} is not among SLUICE_NAMESPACES"
    row = SOURCES[key.kind]
    found = await wired.cluster.find(row.kind, key.name, key.namespace)
    if found is None:
        return f"{_named(key)} is not there: make it, or name another in spec.sourceRef"
    if not wired.cluster.acts_on(row.kind, found):
        whose = "is left to Flux" if left_to_flux(found, now()) else "does not have the labels of SLUICE_FLUX_SELECTOR"
        return (
            f"{_named(key)} {whose}, and so it is not fetched here: take it over with `sluice migrate flux "
            f"{key.namespace}`, or name a source that is sluice's in spec.sourceRef"
        )
    try:
        row.model.parse(found)
    except InvalidError as error:
        return f"{_named(key)} is not valid: {error}"
    return ""


def _says(one: Kustomization, why: str) -> bool:
    ready = find_condition(one.status.conditions, READY)
    return ready is not None and (ready.status, ready.reason, ready.message) == ("False", SOURCE_REFUSED, why)


def _named(key: SourceKey) -> str:
    return f"{key.kind} {key.namespace}/{key.name}"
