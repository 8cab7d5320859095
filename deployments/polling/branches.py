"""Branches: git servers are asked before the interval of a GitRepository is over, so that a push without a webhook is found.

As of registries (`deployments.polling.sooner`) only small questions are asked sooner, so many a second at one server, and so
many a second that need a Secret of the cluster. A look here only finds that something may have moved: the delivery that it
asks for looks for itself (docs/decisions/0017-registries-are-asked-sooner-than-the-interval.md).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from blocks.connections import Connections
from blocks.git.questions.asked import ask, may_be_asked
from blocks.kubernetes.kinds import GIT_REPOSITORY
from blocks.sources.git import remote_of
from deployments.polling.sooner import AT_ONE_HOST, FOR_SECRETS, REST
from sluice.errors import SluiceError, TransientError
from sluice.events.model import SourceChanged
from sluice.manifests.flux.git_repository import BRANCHES, TAGS, GitRepository
from sluice.recent import Recent
from sluice.sync.revision import commit_of, revision
from tasks.sync.find_moved_sources import moved_to

AT_ONCE = 4
"""Questions at the same time."""
AWAY = 60.0
"""Seconds that a server gets which does not answer."""
log = logging.getLogger("sluice.git")


@dataclass(slots=True)
class Branches:
    """What is asked of git servers, and when.

    Attributes:
        every: most seconds between two looks where they are cheap; 0 for the intervals alone.
    """

    wired: Connections
    every: float = 0.0
    _asked: Recent[str, float] = field(default_factory=lambda: Recent(20_000))
    _left: Recent[str, float] = field(default_factory=lambda: Recent(20_000))
    """Until when a host, or a generation of an object, is left to the intervals."""
    _posted: Recent[str, str] = field(default_factory=lambda: Recent(20_000))

    async def keep(self) -> None:
        """Ask until cancelled."""
        if not self.every:
            await asyncio.Event().wait()
        async with httpx.AsyncClient() as http:
            while True:
                await asyncio.sleep(self.every)
                await self.look(http)

    async def look(self, http: httpx.AsyncClient) -> None:
        """Ask once, those first that were asked the longest ago; as many as may be asked in the time of a look."""
        turn = asyncio.Semaphore(AT_ONCE)

        async def one(source: GitRepository) -> SourceChanged | None:
            async with turn:
                return await self._moved(http, source)

        found = GitRepository.valid(await self.wired.informers.given(GIT_REPOSITORY))
        events = await asyncio.gather(*map(one, self.chosen(found, time.monotonic())))
        for event in filter(None, events):
            await self.wired.prefect.post([event])
            self._posted[f"{event.url} {event.ref}"] = event.commit

    def chosen(self, found: Iterable[GitRepository], now: float) -> list[GitRepository]:
        """Those that are asked in this look."""
        may = [one for one in found if self._cheap(one) and not self._rests(one, now)]
        at, secrets, chosen = Counter[str](), 0, []
        for one in sorted(may, key=lambda one: self._asked.get(one.metadata.uid, 0.0)):
            reads = one.spec.secret_ref is not None
            if at[_host(one)] >= self.every * AT_ONE_HOST or (reads and secrets >= self.every * FOR_SECRETS):
                continue
            at[_host(one)] += 1
            secrets += reads
            self._asked[one.metadata.uid] = now
            chosen.append(one)
        return chosen

    def _cheap(self, one: GitRepository) -> bool:
        """Whether one small question says if it moved: ssh needs a process, a range of tags all of them."""
        spec = one.spec
        followed = not (spec.suspend or spec.ref.commit or spec.ref.semver) and one.status.artifact is not None
        plain = spec.provider == "generic" and spec.proxy_secret_ref is None
        return followed and plain and spec.interval > self.every and spec.url.startswith(("http://", "https://"))

    def _rests(self, one: GitRepository, now: float) -> bool:
        return max(self._left.get(_host(one), now), self._left.get(_generation(one), now)) > now

    async def _moved(self, http: httpx.AsyncClient, one: GitRepository) -> SourceChanged | None:
        ref = one.spec.ref
        name = ref.name or (f"{TAGS}{ref.tag}" if ref.tag else f"{BRANCHES}{ref.branch}")
        try:
            remote = await remote_of(self.wired.cluster, one)
            commit = await ask(http, remote, name) if may_be_asked(remote) else ""
        except TransientError as error:
            self._left[_host(one)] = time.monotonic() + (REST if error.retry_after else AWAY)
            log.info("%s is left to its interval for a while: %s", one, error)
            return None
        except SluiceError as error:
            self._left[_generation(one)] = time.monotonic() + REST
            log.info("%s is left to its interval: %s", one, error)
            return None
        if not commit:  # its interval says what is the matter
            self._left[_generation(one)] = time.monotonic() + REST
            return None
        known = one.status.artifact.revision if one.status.artifact else ""
        if commit_of(known) == commit or self._posted.get(f"{one.address} {one.ref}") == commit:
            return None
        return moved_to(one, revision(ref.name or ref.tag or ref.branch, commit), time.time())


def _host(one: GitRepository) -> str:
    return urlsplit(one.spec.url).netloc.rpartition("@")[2]


def _generation(one: GitRepository) -> str:
    return f"{one.metadata.uid}/{one.metadata.generation}"
