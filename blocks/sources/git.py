"""Git sources of the cluster: the GitRepository objects, and how to get into the repositories that they name."""

from __future__ import annotations

from blocks.git.mirror import Remote
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import GIT_REPOSITORY, SECRET
from sluice.credentials import git_credentials
from sluice.errors import InvalidError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.sync.source_url import same_source


async def sources_of(cluster: Cluster, url: str, branch: str) -> list[GitRepository]:
    """The GitRepository objects that follow this branch of this repository; suspended and invalid ones are left out.

    Those that name a reference which sluice cannot follow (a tag, a range of tags, a commit) are among them whatever the
    branch, so that somebody tells them so.
    """
    found = []
    for item in await cluster.list(GIT_REPOSITORY):
        try:
            source = GitRepository.parse(item)
        except InvalidError:
            continue
        if same_source(source.spec.url, url) and source.spec.ref.followed in ("", branch) and not source.spec.suspend:
            found.append(source)
    return found


async def remote_of(cluster: Cluster, source: GitRepository) -> Remote:
    """The repository of a source with its credentials.

    Raises:
        NotFoundError: its Secret is not there.
        InvalidError: its Secret has no credentials.
    """
    credentials = None
    if source.spec.secret_ref:
        credentials = git_credentials(await cluster.get(SECRET, source.spec.secret_ref.name, source.namespace))
    return Remote.of(source.spec.url, credentials, source.spec.timeout)
