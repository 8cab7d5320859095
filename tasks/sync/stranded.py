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
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.references import SourceKey
from sluice.sync.record import SOURCE_REFUSED
from tasks.sync.kustomizations.status import Status
from tasks.upkeep.left_out import is_settled, why_left_out

log = logging.getLogger("sluice.reconcile")


async def say_stranded(wired: Connections, followers: Iterable[Kustomization], fetched: Collection[SourceKey]) -> None:
    """Have each one whose source is not among those that are fetched say why, once."""
    why: dict[SourceKey, str] = {}
    for one in followers:
        if one.spec.suspend or one.leaving or one.source in fetched or one.source.kind not in SOURCES:
            continue
        if not is_settled(one):
            continue
        try:
            if one.source not in why:
                row = SOURCES[one.source.kind]
                why[one.source] = await why_left_out(wired.cluster, row.kind, row.model, one.source, "spec.sourceRef")
            if why[one.source] and not _says(one, why[one.source]):
                await Status.read_from(wired.cluster, one).fail(SOURCE_REFUSED, InvalidError(why[one.source]))
        except SluiceError as error:
            log.warning("%s: its source %s was not looked at: %s", one, one.source, error)


def _says(one: Kustomization, why: str) -> bool:
    ready = find_condition(one.status.conditions, READY)
    return ready is not None and (ready.status, ready.reason, ready.message) == ("False", SOURCE_REFUSED, why)
