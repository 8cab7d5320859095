"""Find chart repositories whose index moved: the HelmReleases that follow them are looked at."""

from __future__ import annotations

import asyncio
import logging
import time

from blocks.charts.access import http_access
from blocks.charts.indexed import IndexedCharts
from blocks.connections import connections
from blocks.kubernetes.kinds import HELM_CHART, HELM_RELEASE, HELM_REPOSITORY
from sluice.errors import NotFoundError, SluiceError
from sluice.events.model import SourceChanged
from sluice.helm.due import event_of_move, follows, rests, source_of
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.flux.helm.repository import HelmRepository
from sluice.manifests.flux.outcome import Body, observed
from sluice.sync.artifact import Fetch, failed, requested, stored
from tasks.helm.status import now
from tasks.stage import stage
from tasks.upkeep.pace import Pace

AT_ONCE = 8
"""Repositories that are asked at the same time."""
pace = Pace()
log = logging.getLogger("sluice.reconcile")


@stage("find moved repositories")
async def find_moved_repositories(since: float | None = None) -> list[SourceChanged]:
    """An event for each HelmRelease whose repository has another index than it was released from.

    Each repository is asked at its interval, because it was changed, or because somebody asks for it; what it says is
    written on it. A registry has no index: its charts are looked at with their HelmReleases, at their interval.

    Args:
        since: when the last look began, whichever worker made it; None where that is not known.
    """
    given = connections().informers.given
    repositories = [
        one for one in HelmRepository.valid(await given(HELM_REPOSITORY)) if not one.spec.suspend and not one.is_oci
    ]
    due = [one for one in repositories if _is_due(one, since)]
    if not due:
        return []
    turn = asyncio.Semaphore(AT_ONCE)

    async def look(one: HelmRepository) -> str:
        async with turn:
            return await _looked_at(one)

    revisions = dict(zip([one.key for one in due], await asyncio.gather(*map(look, due)), strict=True))
    charts = {one.key: one for one in HelmChart.valid(await given(HELM_CHART))}
    events = []
    for release in HelmRelease.valid(await given(HELM_RELEASE)):
        revision = revisions.get(source_of(release, charts), "")
        if revision and not rests(release) and not follows(release, charts, revision):
            events.append(event_of_move(release, revision, time.time()))
    return events


def _is_due(one: HelmRepository, since: float | None) -> bool:
    asked = requested(one) not in {"", one.status.last_handled_reconcile_at}
    ready = find_condition(one.status.conditions, READY)
    in_trouble = since is not None and (ready is None or ready.status != "True")
    return pace.due(one.metadata.uid, one.spec.interval, since) or asked or in_trouble or not observed(one)


async def _looked_at(one: HelmRepository) -> str:
    """The revision of the index; empty where it cannot be had, which the repository says of itself."""
    wired = connections()
    try:
        access = await http_access(wired.cluster, one)
        place, revision = await IndexedCharts(access, wired.helm.home).index()
    except SluiceError as error:
        pace.forget(one.metadata.uid)
        log.warning("%s was not looked at: %s", one, error)
        await _say(one, failed(one, error, now()))
        return ""
    size = (await asyncio.to_thread(place.stat)).st_size
    await _say(one, stored(one, Fetch(revision=revision, digest=revision, size=size), now()))
    return revision


async def _say(one: HelmRepository, status: Body | None) -> None:
    if status:
        try:
            await connections().cluster.patch(HELM_REPOSITORY, one.name, one.namespace, status, subresource="status")
        except NotFoundError:
            return  # It was deleted meanwhile: nobody is left to read it.
