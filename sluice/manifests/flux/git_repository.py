"""Flux's GitRepository (`source.toolkit.fluxcd.io/v1`): a reference of a repository that is a source of manifests.

Field names and defaults: Flux's source-controller API, v1.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from sluice.manifests.flux.source import Artifact, SourceManifest, SourceSpec, SourceStatus
from sluice.manifests.meta import ForeignModel
from sluice.manifests.references import LocalReference

DEFAULT_BRANCH = "master"
"""What Flux takes where a GitRepository names no reference."""
BRANCHES = "refs/heads/"
TAGS = "refs/tags/"


class GitReference(ForeignModel):
    """Which reference to follow: a commit goes before a name, that before a range of tags, a tag and a branch."""

    branch: str = DEFAULT_BRANCH
    tag: str = ""
    semver: str = ""
    """The highest tag in a range of versions."""
    name: str = ""
    """Any reference of the server: `refs/heads/main`, `refs/pull/420/head`."""
    commit: str = Field(default="", pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")

    @property
    def followed(self) -> str:
        """The branch to follow; empty where the reference asks for something else, which goes before a branch."""
        return "" if self.name or self.commit or self.semver or self.tag else self.branch

    @property
    def event(self) -> str:
        """What events call it; a range of tags, which has no name of its own, is all tags."""
        if self.commit:
            return self.commit
        if self.name:
            return self.name.removeprefix(BRANCHES)
        if self.semver:
            return f"{TAGS}*"
        return f"{TAGS}{self.tag}" if self.tag else self.branch

    def follows(self, ref: str) -> bool:
        """Whether a move of this reference of the repository may be one of what is followed."""
        if not ref:
            return True
        if self.semver and not (self.commit or self.name):
            return ref.startswith(TAGS)
        return ref.removeprefix(BRANCHES) == self.event


class GitVerification(ForeignModel):
    """Whose signature a commit or a tag must have."""

    mode: Literal["HEAD", "head", "Tag", "TagAndHEAD"] = "HEAD"
    secret_ref: LocalReference
    """Secret with public keys: OpenPGP under names that end in `.asc`, ssh under names that end in `.sshpub`."""

    @property
    def of_commit(self) -> bool:
        """Whether the commit must be signed."""
        return self.mode != "Tag"

    @property
    def of_tag(self) -> bool:
        """Whether the tag must be signed."""
        return self.mode in {"Tag", "TagAndHEAD"}


class GitInclude(ForeignModel):
    """Files of another GitRepository of this namespace that are put among these."""

    repository: LocalReference
    from_path: str = ""
    to_path: str = ""
    """Where to; empty for the other one's name."""

    @property
    def place(self) -> str:
        """Directory that the files get."""
        return self.to_path or self.repository.name


class GitRepositorySpec(SourceSpec):
    """What a GitRepository asks for."""

    vital: ClassVar[frozenset[str]] = frozenset({"serviceAccountName"})
    """Where one of these is set, nothing is fetched: it would be with another's rights."""
    url: str = Field(pattern=r"^(https?|ssh|file)://")
    """`http://`, `https://` or `ssh://`; `file://` only where the installation allows it."""
    ref: GitReference = GitReference()
    secret_ref: LocalReference | None = None
    """Secret with `username` and `password`, or `bearerToken`, or `identity` and `known_hosts` for ssh; for https also with
    `ca.crt`, `tls.crt` and `tls.key`."""
    proxy_secret_ref: LocalReference | None = None
    """Secret with `address`, and `username` and `password` where the proxy asks for them."""
    provider: str = "generic"
    """How to log in: `generic` is by the Secret."""
    verification: GitVerification | None = Field(default=None, alias="verify")
    recurse_submodules: bool = False
    include: tuple[GitInclude, ...] = ()
    sparse_checkout: tuple[str, ...] = ()
    """Directories to lay out; empty for all."""


class GitRepositoryStatus(SourceStatus):
    """What sluice has seen of a GitRepository."""

    included_artifacts: tuple[Artifact, ...] = ()
    observed_recurse_submodules: bool = False
    observed_include: tuple[GitInclude, ...] = ()
    observed_sparse_checkout: tuple[str, ...] = ()
    source_verification_mode: str = ""


class GitRepository(SourceManifest):
    """A reference of a git repository, followed."""

    api_version: ClassVar[str] = "source.toolkit.fluxcd.io/v1"
    kind: ClassVar[str] = "GitRepository"
    plural: ClassVar[str] = "gitrepositories"
    failed: ClassVar[str] = "GitOperationFailed"
    spec: GitRepositorySpec
    status: GitRepositoryStatus = GitRepositoryStatus()

    @property
    def location(self) -> str:
        """`spec.url`."""
        return self.spec.url

    @property
    def ref(self) -> str:
        """What it follows."""
        return self.spec.ref.event

    def follows(self, ref: str) -> bool:
        """Whether a push to this reference may move it."""
        return self.spec.ref.follows(ref)
