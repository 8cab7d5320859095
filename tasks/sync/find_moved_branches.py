"""Find branches that moved and that no webhook came for, and Kustomizations whose interval is over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterable

from blocks.connections import connections
from blocks.kubernetes.kinds import GIT_REPOSITORY, KUSTOMIZATION
from blocks.sources.git import git_source
from sluice.errors import SluiceError
from sluice.events.model import SourceChanged
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.references import SourceKey
from sluice.sync.kustomizations.due import LEAST, span
from sluice.sync.record import looked_at_after, tried_in_vain
from sluice.sync.revision import commit_of
from tasks.stage import stage
from tasks.upkeep.pace import Pace

AT_ONCE = 4
"""Git servers that are asked at the same time: each is a process."""
pace = Pace()
log = logging.getLogger("sluice.reconcile")


@stage("find moved branches")
async def find_moved_branches() -> list[SourceChanged]:
    """An event for each branch that is not at what was synced last, at its GitRepository's interval; and one for all
    Kustomizations of a source whose own interval is over, so that what somebody changed by hand is put right.

    A git server that does not answer is asked again next time and does not stop the others.
    """
    sources = {
        one.key: one
        for one in GitRepository.valid(await connections().cluster.list(GIT_REPOSITORY))
        if not one.spec.suspend and one.spec.ref.followed
    }
    if not sources:
        return []
    turn = asyncio.Semaphore(AT_ONCE)
    due = [one for one in sources.values() if pace.due(one.metadata.uid, one.spec.interval)]
    moved = await asyncio.gather(*(_moved(one, turn) for one in due))
    followers = Kustomization.valid(await connections().cluster.list(KUSTOMIZATION))
    return [event for event in moved if event] + drifting(sources, followers, time.time())


async def _moved(source: GitRepository, turn: asyncio.Semaphore) -> SourceChanged | None:
    artifact = source.status.artifact
    try:
        async with turn:
            at = await (await git_source(connections(), source)).latest()
    except SluiceError as error:
        pace.forget(source.metadata.uid)
        log.warning("%s was not looked at: %s", source, error)
        return None
    known = artifact.revision if artifact else ""
    if known == at:
        return None
    commit = commit_of(at)
    # What was synced before, and when, is part of the name: a branch may come back to a commit it was at.
    before = f"{known}/{artifact.last_update_time}" if artifact else ""
    delivery = f"{source.metadata.uid}/{source.metadata.generation}/{before}/{commit}"
    return SourceChanged(delivery=delivery, url=source.address, ref=source.spec.ref.branch, commit=commit)


def drifting(
    sources: dict[SourceKey, GitRepository], followers: Iterable[Kustomization], now: float
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
            delivery=f"{sources[key].metadata.uid}/{interval:.0f}/{span}",
            url=sources[key].address,
            ref=sources[key].spec.ref.branch,
            commit="",
            reapply=",".join(sorted(names)),
        )
        for (key, interval, span), names in spans.items()
    ]
