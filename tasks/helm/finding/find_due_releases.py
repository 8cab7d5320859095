"""Find HelmReleases whose time is over: to be tried again, looked at for drift or a new chart, or uninstalled."""

from __future__ import annotations

import time

from blocks.connections import connections
from blocks.kubernetes.kinds import HELM_CHART, HELM_RELEASE
from sluice.events.model import SourceChanged
from sluice.helm.due import event_at, event_of_source, is_asked, rests
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from tasks.stage import stage


@stage("find due releases")
async def find_due_releases() -> list[SourceChanged]:
    """An event for each HelmRelease and span of time, and for each whose HelmChart somebody asks to have looked at."""
    now, given = time.time(), connections().informers.given
    every = HelmRelease.valid(await given(HELM_RELEASE))
    awake = [one for one in every if not rests(one)]
    charts = HelmChart.valid(await given(HELM_CHART)) if awake else []
    asked = {one.key: one for one in charts if is_asked(one)}
    requests = [event_of_source(one, asked[one.chart]) for one in awake if one.chart in asked]
    return [event_at(one, now) for one in awake] + requests
