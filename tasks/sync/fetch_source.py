"""Fetch: bring what sources follow here, and say so on them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from blocks.connections import connections
from blocks.sources.table import ORIGIN, SOURCES, open_source, sources_of
from sluice.errors import NotFoundError, SluiceError, TerminalError, TransientError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.outcome import Body
from sluice.manifests.flux.source import SourceManifest
from sluice.manifests.references import SourceKey
from sluice.sync.artifact import failed, stored
from sluice.sync.revision import commit_of
from tasks.stage import stage


class Fetched(BaseModel):
    """A source at its newest revision."""

    model_config = ConfigDict(frozen=True)
    kind: str = GitRepository.kind
    namespace: str
    name: str
    commit: str
    """Empty where the source has none."""
    revision: str
    """`branch@sha1:commit`, Flux's form."""
    looked: float = 0.0
    """When the look began that found it, by `time.monotonic`; 0 where nobody looked."""
    files: str = ""
    """The directory with its files; empty where they were not laid out."""
    origin: str = ""
    """What it says that it was made from; empty where it says nothing."""
    moved: bool = False
    """Whether this very look found another revision than was fetched before."""

    @property
    def key(self) -> SourceKey:
        """How others refer to the source."""
        return SourceKey(self.kind, self.namespace, self.name)


@stage("fetch source", run_name="fetch {ref} of {url}")
async def fetch_source(url: str, ref: str, commit: str = "") -> list[Fetched]:
    """The sources that follow this reference, each at the revision that it is at now; empty where there is none.

    A source that cannot be fetched says why in its conditions and does not stop the others.

    Args:
        url: of the repository.
        ref: that moved.
        commit: that it moved to, as an event says; empty where it says none.

    Raises:
        TerminalError: none of them can be fetched: no such branch, refused, a Secret without credentials, no signature.
        TransientError: none of them can be fetched for now: the server does not answer.
    """
    done: list[Fetched] = []
    failures: list[SluiceError] = []
    for source in await sources_of(connections().cluster, url, ref):
        try:
            done.append(await _fetched(source, commit))
        except (TerminalError, TransientError) as error:
            failures.append(error)
            await write_status(source, failed(source, error, _now()))
    if failures and not done:
        # What may pass is tried once more; what else failed is looked at with it.
        raise next((one for one in failures if isinstance(one, TransientError)), failures[0])
    return done


async def _fetched(source: SourceManifest, commit: str) -> Fetched:
    opened, looked = await open_source(connections(), source), time.monotonic()
    at = await opened.latest(commit)
    found = await opened.fetched(at)
    before = source.status.artifact.revision if source.status.artifact else ""
    await write_status(source, stored(source, found, _now()))
    return Fetched(
        kind=source.kind,
        namespace=source.namespace,
        name=source.name,
        commit=commit_of(at) if source.ref else "",
        revision=at,
        looked=looked if found.looked is None else found.looked,
        files=str(await opened.tree(at)),
        origin=str(found.metadata.get(ORIGIN, "")),
        moved=at != before,
    )


async def write_status(source: SourceManifest, status: Body | None) -> None:
    """Write the status of a source, where there is something to write."""
    if status:
        kind = SOURCES[source.kind].kind
        try:
            await connections().cluster.patch(kind, source.name, source.namespace, status, subresource="status")
        except NotFoundError:
            return  # It was deleted meanwhile: nobody is left to read it.


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
