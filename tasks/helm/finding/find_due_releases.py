"""Find HelmReleases whose time is over: to be tried again, looked at for drift or a new chart, or uninstalled."""

from __future__ import annotations

import time

from blocks.connections import connections
from blocks.kubernetes.kinds import HELM_RELEASE
from sluice.events.model import SourceChanged
from sluice.helm.due import event_at, rests
from sluice.manifests.flux.helm.release import HelmRelease
from tasks.stage import stage


@stage("find due releases")
async def find_due_releases() -> list[SourceChanged]:
    """An event for each HelmRelease and span of time."""
    now = time.time()
    every = HelmRelease.valid(await connections().cluster.list(HELM_RELEASE))
    return [event_at(one, now) for one in every if not rests(one)]
