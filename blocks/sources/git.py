"""Git sources of the cluster: the GitRepository objects, and how to get into the repositories that they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from blocks.connections import Connections
from blocks.git.mirror import Remote
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import GIT_REPOSITORY, SECRET
from sluice.credentials import git_credentials
from sluice.errors import InvalidError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.references import SourceKey
from sluice.sync.revision import commit_of, revision
from sluice.sync.source_url import same_source


@dataclass(frozen=True, slots=True)
class GitSource:
    """A branch of a repository."""

    git: Git
    remote: Remote
    branch: str

    async def latest(self) -> str:
        """The branch's newest commit."""
        return revision(self.branch, await self.git.fetch(self.remote, self.branch))

    async def tree(self, revision: str) -> Path:
        """The files of a commit. They stay for ten minutes at least."""
        return await self.git.tree(self.remote, commit_of(revision))


async def open_git(wired: Connections, key: SourceKey) -> GitSource:
    """The source that a GitRepository object describes."""
    return await git_source(wired, await git_repository(wired.cluster, key))


async def git_repository(cluster: Cluster, key: SourceKey) -> GitRepository:
    """The GitRepository object that a manifest refers to.

    Raises:
        InvalidError: it refers to a source of another kind, whose name a GitRepository may have as well.
        NotFoundError: there is no such object.
    """
    if key.kind != GitRepository.kind:
        raise InvalidError(f"spec.sourceRef.kind {key.kind!r}: only a {GitRepository.kind} can be used here")
    return GitRepository.parse(await cluster.get(GIT_REPOSITORY, key.name, key.namespace))


async def git_source(wired: Connections, source: GitRepository) -> GitSource:
    """The source of a GitRepository that was read already.

    Raises:
        NotFoundError: its Secret is not there.
        InvalidError: its Secret has no credentials.
    """
    return GitSource(wired.git, await remote_of(wired.cluster, source), source.spec.ref.branch)


async def sources_of(cluster: Cluster, url: str, branch: str) -> list[GitRepository]:
    """The GitRepository objects that follow this branch of this repository; suspended and invalid ones are left out.

    Those that name a reference which sluice cannot follow (a tag, a range of tags, a commit) are among them whatever the
    branch, so that the reason is written on them.
    """
    return [
        source
        for source in GitRepository.valid(await cluster.list(GIT_REPOSITORY))
        if same_source(source.spec.url, url) and source.spec.ref.followed in ("", branch) and not source.spec.suspend
    ]


async def remote_of(cluster: Cluster, source: GitRepository) -> Remote:
    """The repository of a source with its credentials.

    Raises:
        NotFoundError: its Secret is not there.
        InvalidError: its Secret has no credentials.
    """
    credentials = None
    if source.spec.secret_ref:
        credentials = git_credentials(await cluster.get(SECRET, source.spec.secret_ref.name, source.namespace))
    if source.spec.url.startswith("ssh://") and not (credentials and credentials.identity.get_secret_value()):
        raise InvalidError("spec.url is ssh: spec.secretRef must name a Secret with identity and known_hosts")
    return Remote.of(source.spec.url, credentials, source.spec.timeout)
