"""Git sources of the cluster: the GitRepository objects, and how to get into the repositories that they name."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blocks.connections import Connections
from blocks.git.checkout import Checkout, Plan, unlisted
from blocks.git.files import check_links, inside
from blocks.git.mirror import Remote
from blocks.git.mirrors import Git
from blocks.git.references import Found, Wanted
from blocks.git.signatures import verify_commit, verify_tag
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import GIT_REPOSITORY, SECRET
from blocks.sources.access import proxy_of
from blocks.sources.git_azure import azure_devops
from blocks.sources.git_github_app import github_app
from blocks.trees import Tree
from sluice.credentials import GitCredentials, Proxy, git_credentials, name_of
from sluice.errors import InvalidError, NotFoundError, SluiceError
from sluice.manifests.flux.git_repository import GitReference, GitRepository
from sluice.manifests.flux.vital import refuse_vital
from sluice.manifests.references import SourceKey
from sluice.sync import revision as revisions
from sluice.sync.artifact import Fetch
from sluice.sync.bounds import Bounds, Measured
from sluice.sync.trust import TrustedKeys, trusted_keys

_LONG_AGO = "1970-01-01T00:00:00Z"
"""When a source was updated that was never fetched for itself."""
_DEEPEST = 5
"""GitRepositories that include each other, one inside the other."""


@dataclass(frozen=True, slots=True)
class Included:
    """Files of another source that are put among these."""

    source: GitSource
    object: GitRepository
    from_path: str
    place: str


@dataclass(slots=True)
class GitSource:
    """A reference of a repository."""

    git: Git
    remote: Remote
    object: GitRepository
    keys: TrustedKeys | None = None
    included: tuple[Included, ...] = ()
    verified: dict[str, str] = field(default_factory=dict)
    """Revision → whose signatures it has, as far as it was looked at here."""
    looked: dict[str, float] = field(default_factory=dict)
    """Revision → when the look began that found it, by `time.monotonic`."""

    async def look(self) -> str:
        """The commit that the reference points at."""
        found = await self.git.look(self.remote, wanted(self.object.spec.ref))
        return revisions.revision(found.shown, found.commit)

    async def latest(self, expected: str = "") -> str:
        """The commit that the reference points at, signed by whom the source trusts."""
        found, began = await self.git.seen(self.remote, wanted(self.object.spec.ref), expected)
        at = revisions.revision(found.shown, found.commit)
        self.looked[at] = began
        self.verified[at] = await self._verified(found)
        return at

    async def tree(self, revision: str) -> Path:
        """The files of a commit. They stay for ten minutes at least."""
        return (await self._laid_out(revision))[0].files

    async def fetched(self, revision: str) -> Fetch:
        """The files of a commit, and what was looked at to choose them."""
        tree, others = await self._laid_out(revision)
        spec = self.object.spec
        observed = {
            "observedRecurseSubmodules": spec.recurse_submodules or None,
            "observedInclude": [one.model_dump(by_alias=True, exclude_defaults=True) for one in spec.include] or None,
            "observedSparseCheckout": list(spec.sparse_checkout) or None,
            "includedArtifacts": [_artifact(one, at, laid) for one, at, laid in others] or None,
            "sourceVerificationMode": spec.verification.mode if spec.verification else None,
        }
        return Fetch(
            revision=revision,
            digest=tree.digest,
            size=tree.size,
            metadata=tree.metadata,
            verified=self.verified.get(revision, ""),
            looked=self.looked.get(revision),
            observed=observed,
        )

    async def _verified(self, found: Found) -> str:
        """Whose signatures the commit and its tag have; empty where nobody asked."""
        verification = self.object.spec.verification
        if not verification or not self.keys:
            return ""
        lines = []
        async with self.git.hold(self.remote) as mirror:
            if verification.of_tag:
                who = await verify_tag(mirror, found.tag, _tag(found), found.commit, self.keys)
                lines.append(f"tag '{found.shown}' with key '{who}'")
            if verification.of_commit:
                who = await verify_commit(mirror, found.commit, self.keys)
                lines.append(f"commit '{found.commit}' with key '{who}'")
        return "verified signature of " + " and of ".join(lines)

    async def _laid_out(self, revision: str) -> tuple[Tree, list[tuple[Included, str, Tree]]]:
        others = []
        for one in self.included:
            try:
                at = await one.source.latest()
                others.append((one, at, (await one.source._laid_out(at))[0]))
            except SluiceError as error:
                raise type(error)(f"spec.include {one.object.name!r}: {error}") from error
        plan = plan_of(self.object)

        async def build(root: Path) -> dict[str, str]:
            checkout = self.git.checkout(plan)
            before = self.git.trees.newest(self.remote.key)
            await checkout.lay_out(self.remote, revisions.commit_of(revision), root, before)
            if others:  # what is put over its files is not the repository's
                await asyncio.to_thread(unlisted, root)
            for one, _, tree in others:
                await asyncio.to_thread(_include, checkout, tree.files, one, root)
            return {}

        parts = [(one.from_path, one.place, tree.digest) for one, _, tree in others]
        name = f"{revisions.commit_of(revision)} {plan} {parts}"
        return await self.git.trees.keep(self.remote.key, name, build), others


Secret = Mapping[str, Any] | None


async def _generic(url: str, secret: Secret, proxy: Proxy | None) -> GitCredentials | None:
    if secret is None:
        return None
    if "githubAppID" in (secret.get("data") or {}):
        raise InvalidError(f"{name_of(secret)} is of a GitHub App, but spec.provider is not github")
    return git_credentials(secret)


async def _github(url: str, secret: Secret, proxy: Proxy | None) -> GitCredentials:
    if secret is None:
        raise InvalidError("spec.provider 'github' logs in by a Secret: set spec.secretRef")
    return await github_app(secret)


async def _azure(url: str, secret: Secret, proxy: Proxy | None) -> GitCredentials:
    if secret is not None:
        raise InvalidError("spec.provider 'azure' logs in as who sluice is to Azure: leave spec.secretRef out")
    return await azure_devops(url, proxy)


PROVIDERS: Mapping[str, Callable[[str, Secret, Proxy | None], Awaitable[GitCredentials | None]]] = {
    "generic": _generic,
    "github": _github,
    "azure": _azure,
}
"""How one logs in, by `spec.provider`: to an address, with the Secret that is named, through a proxy."""


async def git_repository(cluster: Cluster, key: SourceKey) -> GitRepository:
    """The GitRepository object that a manifest refers to.

    Raises:
        InvalidError: it refers to a source of another kind, whose name a GitRepository may have as well.
        NotFoundError: there is no such object.
    """
    if key.kind != GitRepository.kind:
        raise InvalidError(f"spec.sourceRef.kind {key.kind!r}: only a {GitRepository.kind} can be used here")
    return GitRepository.parse(await cluster.get(GIT_REPOSITORY, key.name, key.namespace))


async def git_source(wired: Connections, source: GitRepository, depth: int = 0) -> GitSource:
    """The source of a GitRepository that was read already.

    Raises:
        NotFoundError: its Secret, or what it includes, is not there.
        InvalidError: its Secret has no credentials, or it asks for what sluice cannot do.
    """
    refuse_vital(source.spec, source.spec.vital)
    remote = await remote_of(wired.cluster, source)
    keys = None
    if source.spec.verification:
        keys = trusted_keys(await wired.cluster.get(SECRET, source.spec.verification.secret_ref.name, source.namespace))
    if source.spec.include and depth >= _DEEPEST:
        raise InvalidError(f"spec.include: more than {_DEEPEST} GitRepositories inside each other; is it a circle?")
    included = []
    for one in source.spec.include:
        key = SourceKey(GitRepository.kind, source.namespace, one.repository.name)
        other = await git_repository(wired.cluster, key)
        opened = await git_source(wired, other, depth + 1)
        included.append(Included(opened, other, inside(one.from_path or "."), inside(one.place)))
    return GitSource(wired.git, remote, source, keys, tuple(included))


async def remote_of(cluster: Cluster, source: GitRepository) -> Remote:
    """The repository of a source with its credentials.

    Raises:
        NotFoundError: its Secret is not there.
        InvalidError: its Secret has no credentials, or it logs in by what sluice does not have.
    """
    spec = source.spec
    if spec.provider not in PROVIDERS:
        raise InvalidError(f"spec.provider {spec.provider!r} is not supported yet; use one of: {', '.join(PROVIDERS)}")
    proxy = await proxy_of(cluster, source.namespace, spec.proxy_secret_ref)
    secret = await cluster.get(SECRET, spec.secret_ref.name, source.namespace) if spec.secret_ref else None
    credentials = await PROVIDERS[spec.provider](spec.url, secret, proxy)
    login = spec.secret_ref.name if spec.secret_ref else spec.provider if credentials else ""
    if spec.url.startswith("ssh://") and not (credentials and credentials.identity.get_secret_value()):
        raise InvalidError("spec.url is ssh: spec.secretRef must name a Secret with identity and known_hosts")
    if proxy:
        if spec.url.startswith("ssh://"):
            raise InvalidError("spec.proxySecretRef: a proxy is for http and https; spec.url is ssh")
        credentials = (credentials or GitCredentials()).model_copy(update={"proxy": proxy})
    # Who may not read a repository must not find its commits here because somebody else may.
    owner = f"{source.namespace}/{login}" if login else ""
    return Remote.of(spec.url, credentials, spec.timeout, owner=owner)


def wanted(ref: GitReference) -> Wanted:
    """The reference that a manifest names."""
    # A branch that nobody wrote down is not where a commit must be.
    branch = ref.branch if "branch" in ref.model_fields_set or not ref.commit else ""
    return Wanted(branch=branch, tag=ref.tag, semver=ref.semver, name=ref.name, commit=ref.commit)


def plan_of(source: GitRepository) -> Plan:
    """What of a commit the source wants."""
    spec = source.spec
    return Plan(ignores=True, ignore=spec.ignore, sparse=spec.sparse_checkout, submodules=spec.recurse_submodules)


def _tag(found: Found) -> str:
    return found.ref.removeprefix("refs/tags/")


def _artifact(one: Included, at: str, tree: Tree) -> dict[str, object]:
    digest = tree.digest.rpartition(":")[2]
    return {
        "revision": at,
        "digest": tree.digest,
        "size": tree.size,
        "path": f"gitrepository/{one.object.namespace}/{one.object.name}/{digest}",
        "url": one.object.address,
        "lastUpdateTime": one.object.status.artifact.last_update_time if one.object.status.artifact else _LONG_AGO,
    }


def _include(checkout: Checkout, files: Path, one: Included, root: Path) -> None:
    """Put files of another source in their place, as far as this one's rules do not leave them out."""
    start = files / one.from_path
    if not start.exists():
        raise NotFoundError(f"spec.include {one.object.name!r} has no {one.from_path!r}")
    measured = Measured(Bounds())
    links = []
    paths = (
        [start] if start.is_file() else sorted(path for path in start.rglob("*") if path.is_file() or path.is_symlink())
    )
    for path in paths:
        inner = path.name if start.is_file() else str(path.relative_to(start))
        place = f"{one.place}/{inner}"
        if not checkout.ignore.wants(place):
            continue
        measured.add(place, path.lstat().st_size)
        target = root / place
        if any(parent.is_symlink() for parent in target.parents if root in parent.parents):
            raise InvalidError(f"spec.include {one.object.name!r}: {place} lies behind a symbolic link")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
        links += [place] if target.is_symlink() else []
    check_links(root, links)
