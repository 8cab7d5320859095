"""Flux's GitRepository (`source.toolkit.fluxcd.io/v1`): a branch of a repository that is a source of manifests.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sluice.durations import Duration
from sluice.manifests.conditions import Condition
from sluice.manifests.meta import ForeignModel, Manifest
from sluice.manifests.references import LocalReference

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


class GitRepositorySpec(ForeignModel):
    """What a GitRepository asks for."""

    reported: ClassVar[frozenset[str]] = frozenset({"interval"})
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
