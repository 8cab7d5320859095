"""The row "rest": what an installation with many repositories takes while nothing happens."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import uuid4

from bench.sync.figures import asked
from bench.sync.installation import Installation
from bench.sync.repository import Repository, config_map
from bench.sync.rows import KUSTOMIZE, SOURCE, applied
from bench.sync.watching import Watching, watching
from lab.progress import say

AT_ONCE = 6
"""Repositories that are made at the same time."""
SETTLES_S, SYNCED_WITHIN_S, LOOK_S, SAY_EACH = 45.0, 3600.0, 2.0, 400


async def at_rest(here: Installation, repositories: int, kustomizations: int, seconds: float) -> dict[str, Any]:
    """Memory and requests of an installation that has nothing to do."""
    names = [f"rest-{uuid4().hex[:6]}-{index}" for index in range(repositories)]
    each, turn, made = kustomizations // repositories, asyncio.Semaphore(AT_ONCE), list[Repository]()

    async def make(name: str) -> None:
        async with turn:
            made.append(await asyncio.to_thread(_pushed, here, name, each))
            await _followed(here, made[-1], name, each)

    try:
        async with watching(here.api, here.path(KUSTOMIZE, "kustomizations")) as seen:
            await asyncio.gather(*(make(name) for name in names))
            began = time.time()
            say(f"  {repositories} repositories are there")
            await _all_applied(seen, kustomizations)
        synced = time.time() - began
        await asyncio.sleep(SETTLES_S)
        before, at = await here.requests(), time.monotonic()
        await asyncio.sleep(seconds)
        requests = asked(before, await here.requests())
        return {
            "synced after the last was made, s": round(synced, 1),
            "memory, MiB": here.memory(),
            "requests a second": round(sum(requests.values()) / (time.monotonic() - at), 3),
            "requests": requests,
            "seconds": seconds,
            "repositories": repositories,
            "kustomizations": kustomizations,
        }
    finally:
        for repository in made:
            repository.remove()


def _pushed(here: Installation, name: str, each: int) -> Repository:
    """A repository with a directory for each of its Kustomizations."""
    repository = Repository.made(here.places, name)
    repository.commit({f"{index}/a.yaml": config_map(f"{name}-{index}", "0") for index in range(each)})
    repository.push()
    return repository


async def _followed(here: Installation, repository: Repository, name: str, each: int) -> None:
    """What follows it, and then the source: so one run of a flow syncs them all."""
    wanted = {"sourceRef": {"kind": "GitRepository", "name": name}, "prune": True, "interval": "10m"}
    for index in range(each):
        await here.apply("Kustomization", KUSTOMIZE, f"{name}-{index}", {**wanted, "path": str(index)})
    source = {"url": repository.url, "ref": {"branch": "main"}, "interval": "10m"}
    await here.apply("GitRepository", SOURCE, name, source)


async def _all_applied(seen: Watching, number: int) -> None:
    """Wait until all have applied what there is; each change is one look."""
    ready, looked, said, holds = set[str](), 0, 0, applied("", "")
    async with asyncio.timeout(SYNCED_WITHIN_S):
        while len(ready) < number:
            changes = seen.changes[looked:]
            looked += len(changes)
            ready |= {item["metadata"]["name"] for _, type_, item in changes if holds(type_, item)}
            if len(ready) >= said + SAY_EACH:
                said = len(ready)
                say(f"  {said} of {number} are applied")
            await asyncio.sleep(LOOK_S)
