"""sync_source: git moved; bring the cluster to what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from flows.outcome import ended
from sluice.addresses import cleaned
from tasks.sync.fetch_source import fetch_source
from tasks.sync.find_due import find_due
from tasks.sync.finish_deleted import finish_deleted
from tasks.sync.followers.base import Done, Due
from tasks.sync.followers.table import FOLLOWERS
from tasks.sync.mark_commit import mark_commit


def _run_name() -> str:
    asked: dict[str, Any] = flow_run.parameters or {}
    repository = str(asked.get("url")).rstrip("/").rpartition("/")[2].removesuffix(".git")
    return f"sync_source {repository}@{str(asked.get('commit') or asked.get('ref'))[:12]}"


@flow(name="sync_source", flow_run_name=_run_name, persist_result=False)
async def sync_source(url: str, ref: str, commit: str = "", reapply: str = "") -> State[str]:
    """Sync everything that follows a branch or a tag.

    Args:
        url: of the repository, however it is written.
        ref: that moved: a branch by its name, a tag as `refs/tags/v1.2`; empty where the source has no references.
        commit: that the event was about. The newest is taken; the server is not asked where that was seen a moment ago.
        reapply: what is to be applied though nothing moved, with commas between: `namespace/name` of Kustomizations,
            `Kind/namespace/name` of others.

    Returns:
        What was done.
    """
    names = [name for name in reapply.split(",") if name]
    left = await finish_deleted(names) if names else []
    url = cleaned(url)  # it names task runs; a login that somebody wrote into it is not needed to find the sources
    sources = await fetch_source(url, ref, commit)
    due = await find_due(sources, names) if sources or names else []
    if left and not due:
        return ended("synced", "; ".join(left))
    if not due and not sources:
        return ended("ignored", f"no source follows {ref or 'anything'} of {url}")
    if not due:
        return ended("unchanged", f"{sources[0].revision} was synced before")
    done = await _synced(due)
    await _mark_commits(url, due, done)
    for did in done:
        # Only now: one team's broken directory does not stop the others' syncs.
        if isinstance(did, BaseException):
            raise did
    lines = (f"{one}: {did.summary}" for one, did in zip(due, done, strict=True) if not isinstance(did, BaseException))
    return ended("synced", "; ".join(lines))


async def _synced(due: Sequence[Due]) -> list[Done | BaseException]:
    """Sync all at once; one that waits for others is tried once more whenever one of the others is done."""
    done: dict[int, Done | BaseException] = {}
    tried: Sequence[int] = range(len(due))
    async with asyncio.TaskGroup() as group:
        running: set[asyncio.Task[tuple[int, Done | BaseException]]] = set()
        while True:
            running |= {group.create_task(_one(index, due[index])) for index in tried}
            if not running:
                return [done[index] for index in range(len(due))]
            ended_now, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            news = dict(task.result() for task in ended_now)
            done |= news
            progress = not all(_waits(did) for did in news.values())
            tried = [index for index, did in done.items() if _waits(did)] if progress else []


async def _one(index: int, due: Due) -> tuple[int, Done | BaseException]:
    try:
        return index, await FOLLOWERS[due.kind].sync(due)
    except Exception as error:
        return index, error


def _waits(did: Done | BaseException) -> bool:
    return not isinstance(did, BaseException) and did.waits


async def _mark_commits(url: str, due: Sequence[Due], done: Sequence[Done | BaseException]) -> None:
    """Show next to the commit what became of it; where that fails, the task run says why and the sync is as it is.

    A forge keeps a limited number of statuses, so what is only applied again sets none. Why a sync failed may quote what
    must not be public: the status says where to read it.
    """
    marks = []
    for one, did in zip(due, done, strict=True):
        if one.reapply:
            continue
        good = not (isinstance(did, BaseException) or did.waits)
        said = "applied" if good else f"not applied: see the Ready condition of {one.manifest}"
        marks.append(mark_commit(url, one.source.commit, f"sluice/{one}", good, said))
    await asyncio.gather(*marks, return_exceptions=True)
