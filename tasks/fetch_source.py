"""Fetch: bring a branch here, and say so on the sources that follow it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.kinds import GIT_REPOSITORY
from blocks.sources import remote_of, sources_of
from sluice.sync.record import fetched
from sluice.sync.revision import revision
from tasks.stage import stage


class Fetched(BaseModel):
    """A source at its newest commit."""

    model_config = ConfigDict(frozen=True)
    namespace: str
    name: str
    commit: str
    revision: str
    """`branch@sha1:commit`, Flux's form."""


@stage("fetch source", run_name="fetch {branch} of {url}")
async def fetch_source(url: str, branch: str) -> list[Fetched]:
    """The sources that follow this branch, each at the commit that the branch is at now; empty where there is none.

    Raises:
        NotFoundError: there is no such repository or branch.
        TransientError: the git server does not answer.
    """
    wired = connections()
    done = []
    for source in await sources_of(wired.cluster, url, branch):
        commit = await wired.need("git").fetch(await remote_of(wired.cluster, source), branch)
        at = revision(branch, commit)
        status = fetched(source, at, datetime.fromtimestamp(time.time(), UTC))
        if status:
            await wired.cluster.patch(GIT_REPOSITORY, source.name, source.namespace, status, subresource="status")
        done.append(Fetched(namespace=source.namespace, name=source.name, commit=commit, revision=at))
    return done
