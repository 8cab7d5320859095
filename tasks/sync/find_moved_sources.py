"""Find sources that moved and that no webhook came for, and Kustomizations whose interval is over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from blocks.connections import connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from blocks.sources.table import all_sources, open_source
from sluice.errors import SluiceError, TransientError
from sluice.events.model import SourceChanged
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.kustomization import FINALIZER, Kustomization
from sluice.manifests.flux.outcome import observed
from sluice.manifests.flux.source import SourceManifest
from sluice.manifests.references import SourceKey
from sluice.recent import Recent
from sluice.sync.artifact import failed
from sluice.sync.kustomizations.due import LEAST, reads_elsewhere, span
from sluice.sync.record import looked_at_after, tried_in_vain
from sluice.sync.revision import commit_of
from tasks.stage import stage
from tasks.sync.fetch_source import write_status
from tasks.sync.stranded import say_stranded
from tasks.upkeep.pace import Pace

AT_ONCE, AT_ONE_HOST = 16, 4
"""Servers that are asked at the same time, and questions to one of them: one that is slow keeps no other waiting."""
REST = 60.0
"""Seconds that a server gets that had too much and did not say for how long."""
pace = Pace()
resting: Recent[str, float] = Recent(1000)
"""When a server may be asked again, by its host."""
log = logging.getLogger("sluice.reconcile")


@stage("find moved sources")
async def find_moved_sources(since: float | None = None) -> list[SourceChanged]:
    """An event for each source that is not at what was synced last, at its interval; and one for all Kustomizations of a
    source whose own interval is over, so that what somebody changed by hand is put right.

    A server that does not answer is asked again next time and does not stop the others; the source says why.

    Args:
        since: when the last look began, whichever worker made it; None where that is not known.
    """
    informers = connections().informers
    sources = {one.key: one for one in await all_sources(informers)}
    followers = Kustomization.valid(await informers.given(KUSTOMIZATION))
    await say_stranded(connections(), followers, sources.keys())
    if not sources:
        return kept_back(followers, time.time())
    hosts: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONE_HOST))
    turn = asyncio.Semaphore(AT_ONCE)
    due = [one for one in sources.values() if _may_be_asked(one) and _is_due(one, since)]

    async def look(one: SourceManifest) -> SourceChanged | None:
        async with hosts[_host(one)], turn:
            return await _moved(one) if _may_be_asked(one) else None

    found = await asyncio.gather(*(look(one) for one in due), return_exceptions=True)
    for one, event in zip(due, found, strict=True):
        if isinstance(event, BaseException):
            # A fault of one look, whatever it is, is no reason to lose what the others found.
            pace.forget(one.metadata.uid)
            log.error("%s was not looked at: %s: %s", one, type(event).__name__, event)
    moved = [event for event in found if isinstance(event, SourceChanged)]
    doubtful = [one for one in followers if not _at_rest(one, sources.get(one.source))]
    return moved + drifting(sources, doubtful, time.time()) + kept_back(followers, time.time())


def _is_due(one: SourceManifest, since: float | None) -> bool:
    """Whether it is to be asked; what is not ready is tried at each look, whichever worker has tried before."""
    ready = find_condition(one.status.conditions, READY)
    in_trouble = since is not None and (ready is None or ready.status != "True")
    return pace.due(one.metadata.uid, one.spec.interval, since) or in_trouble


def _at_rest(one: Kustomization, source: SourceManifest | None) -> bool:
    """Whether nothing can come of its interval: it is at what its source is at, is applied from nothing else, and the
    watches of this process know that all of it is as it was applied."""
    artifact = source.status.artifact if source else None
    if artifact is None or artifact.revision != one.status.last_applied_revision or reads_elsewhere(one):
        return False
    owner = (one.kind, one.namespace, one.name)
    return connections().applied.vouches(owner, one.metadata.resource_version, time.monotonic())


async def _moved(source: SourceManifest) -> SourceChanged | None:
    try:
        at = await (await open_source(connections(), source)).look()
    except SluiceError as error:
        pace.forget(source.metadata.uid)
        log.warning("%s was not looked at: %s", source, error)
        if isinstance(error, TransientError):
            _rest(source, error)
        await write_status(source, failed(source, error, datetime.fromtimestamp(time.time(), UTC)))
        return None
    return moved_to(source, at, time.time())


def moved_to(source: SourceManifest, at: str, now: float) -> SourceChanged | None:
    """The event that a revision of a source calls for; None where it was fetched before and all is well.

    It is named by the span of time that it is found in: what came to nothing is tried once more in the next one.
    """
    artifact = source.status.artifact
    ready = find_condition(source.status.conditions, READY)
    known = artifact.revision if artifact else ""
    if known == at and ready is not None and ready.status == "True" and observed(source):
        return None
    before = f"{known}/{artifact.last_update_time}" if artifact else ""
    number = span(max(LEAST, source.spec.interval), source.metadata.uid, now)
    delivery = f"{source.metadata.uid}/{source.metadata.generation}/{before}/{at}/{number}"
    return SourceChanged(
        delivery=delivery, url=source.address, ref=source.ref, commit=commit_of(at) if source.ref else ""
    )


def drifting(
    sources: Mapping[SourceKey, SourceManifest], followers: Iterable[Kustomization], now: float
) -> list[SourceChanged]:
    """One event for each source and interval: the Kustomizations that are applied again in this span of time.

    Those whose last try failed come at their retryInterval (`sluice.sync.kustomizations.due`).
    """
    spans: dict[tuple[SourceKey, float, int], list[str]] = defaultdict(list)
    for one in followers:
        if one.source in sources and not one.spec.suspend and (one.status.last_applied_revision or tried_in_vain(one)):
            interval = max(LEAST, looked_at_after(one))
            number = span(interval, sources[one.source].metadata.uid, now)
            spans[one.source, interval, number].append(f"{one.namespace}/{one.name}")
    return [
        SourceChanged(
            delivery=f"{sources[key].metadata.uid}/{interval:.0f}/{number}",
            url=sources[key].address,
            ref=sources[key].ref,
            commit="",
            reapply=",".join(sorted(names)),
        )
        for (key, interval, number), names in spans.items()
    ]


def kept_back(followers: Iterable[Kustomization], now: float) -> list[SourceChanged]:
    """An event a minute for each that was deleted and whose clean-up has not come to its end, with or without a source."""
    return [
        SourceChanged(
            delivery=f"{one.metadata.uid}/leaving/{span(LEAST, one.metadata.uid, now)}",
            url=f"deleted/{one.source.namespace}/{one.source.name}",
            ref="",
            commit="",
            reapply=f"{one.namespace}/{one.name}",
        )
        for one in followers
        if one.leaving and FINALIZER in one.metadata.finalizers
    ]


def _host(source: SourceManifest) -> str:
    return urlsplit(source.address).netloc.rpartition("@")[2]


def _may_be_asked(source: SourceManifest) -> bool:
    return resting.get(_host(source), 0.0) <= time.monotonic()


def _rest(source: SourceManifest, error: TransientError) -> None:
    """Leave a server alone that has too much to do, for as long as it asks."""
    if error.retry_after is not None or any(f"error: {status}" in str(error) for status in (429, 503)):
        resting[_host(source)] = time.monotonic() + min(error.retry_after or REST, 3600.0)
