"""Fetch: bring a branch here, and say so on the sources that follow it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.kubernetes.kinds import GIT_REPOSITORY
from blocks.sources.git import git_source, sources_of
from sluice.errors import InvalidError, TerminalError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.vital import refuse_vital
from sluice.manifests.references import SourceKey
from sluice.sync.record import fetched, unfetched
from sluice.sync.revision import commit_of
from tasks.stage import stage


class Fetched(BaseModel):
    """A source at its newest commit."""

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str
    commit: str
    revision: str
    """`branch@sha1:commit`, Flux's form."""

    @property
    def key(self) -> SourceKey:
        """How others refer to the source."""
        return SourceKey(GitRepository.kind, self.namespace, self.name)


@stage("fetch source", run_name="fetch {ref} of {url}")
async def fetch_source(url: str, ref: str) -> list[Fetched]:
    """The sources that follow this reference, each at the commit that it is at now; empty where there is none.

    A source that cannot be fetched says why in its Ready condition and does not stop the others.

    Raises:
        TerminalError: none of them can be fetched: no such branch, refused, a Secret without credentials.
        TransientError: the git server does not answer.
    """
    wired = connections()
    done: list[Fetched] = []
    failure: TerminalError | None = None
    for source in await sources_of(wired.cluster, url, ref):
        now = datetime.fromtimestamp(time.time(), UTC)
        try:
            _checked(source)
            at = await (await git_source(wired, source)).latest()
        except TerminalError as error:
            failure = error
            await _write_status(source, unfetched(source, str(error), now))
            continue
        await _write_status(source, fetched(source, at, now))
        done.append(Fetched(namespace=source.namespace, name=source.name, commit=commit_of(at), revision=at))
    if failure and not done:
        raise failure
    return done


def _checked(source: GitRepository) -> None:
    """Refuse a source that asks for what sluice cannot do.

    Raises:
        InvalidError: it does, by a field that cannot be left out; the message names it.
    """
    refuse_vital(source.spec, source.spec.vital)
    if not source.spec.ref.followed:
        raise InvalidError("spec.ref names a tag, a range or a commit: sluice follows branches only, yet")


async def _write_status(source: GitRepository, status: dict[str, Any] | None) -> None:
    if status:
        cluster = connections().cluster
        await cluster.patch(GIT_REPOSITORY, source.name, source.namespace, status, subresource="status")
