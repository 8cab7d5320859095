"""Flux's GitRepository (`source.toolkit.fluxcd.io/v1`): a branch of a repository that is a source of manifests.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sluice.addresses import cleaned
from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference, SourceKey

DEFAULT_BRANCH = "master"
"""What Flux takes where a GitRepository names no reference."""


class GitReference(ForeignModel):
    """Which reference to follow. Sluice follows branches; the rest is reported."""

    reported: ClassVar[frozenset[str]] = frozenset({"tag", "semver", "name", "commit"})
    branch: str = DEFAULT_BRANCH
    tag: str = ""
    semver: str = ""
    name: str = ""
    commit: str = ""

    @property
    def followed(self) -> str:
        """The branch to follow; empty where the reference asks for something else, which goes before a branch."""
        return "" if self.name or self.commit or self.semver or self.tag else self.branch


class GitRepositorySpec(ForeignModel):
    """What a GitRepository asks for."""

    vital: ClassVar[frozenset[str]] = frozenset({"verify", "include"})
    """Where one of these is set, nothing is fetched: unsigned or incomplete, it would not be what was asked for."""
    url: str = Field(pattern=r"^(https?|ssh|file)://")
    """`http://`, `https://` or `ssh://`; `file://` only where the installation allows it."""
    ref: GitReference = GitReference()
    secret_ref: LocalReference | None = None
    """Secret with `username` and `password`, or `bearerToken`, or `identity` and `known_hosts` for ssh."""
    interval: Duration = 60.0
    timeout: Duration = 60.0
    """Longest time for one git operation, seconds."""
    suspend: bool = False


class Artifact(ForeignModel):
    """What was fetched last."""

    revision: str
    """`branch@sha1:commit`."""
    digest: str = ""
    last_update_time: str = ""
    path: str = ""
    url: str = ""


class GitRepositoryStatus(ForeignModel):
    """What sluice has seen of a GitRepository."""

    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()
    artifact: Artifact | None = None


class GitRepository(Manifest):
    """A branch of a git repository, followed."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "GitRepository"
    plural: ClassVar[str] = "gitrepositories"
    spec: GitRepositorySpec
    status: GitRepositoryStatus = GitRepositoryStatus()

    @property
    def key(self) -> SourceKey:
        """How others refer to it."""
        return SourceKey(self.kind, self.namespace, self.name)

    @property
    def address(self) -> str:
        """The URL without the login that it may have: what may be shown, logged and sent."""
        return cleaned(self.spec.url)
