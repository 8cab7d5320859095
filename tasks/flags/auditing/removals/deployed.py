"""Whether a removal is deployed everywhere: what the clusters' own objects say that they run, and git's history of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.connections import Connections
from blocks.git.branches.history import contains, with_history
from blocks.kubernetes.kinds import CANARY, GIT_REPOSITORY, KUSTOMIZATION, POD, STATEFUL_SET, WORKLOAD_KINDS
from blocks.registries.pull_secrets import login_by_secrets
from sluice.errors import InvalidError, NotFoundError
from sluice.images.reference import parse_repository
from sluice.manifests.own.flag_audit import DeployedBy, FlagAudit, ProposedRemoval
from sluice.sync.revision import commit_of
from sluice.sync.source_url import normalise
from tasks.flags.auditing.ground import repository

ORIGIN = "org.opencontainers.image.revision"
"""Label of an image: the commit that it was built from."""
SOURCE = "org.opencontainers.image.source"
"""Label of an image: the repository that it was built from. A sidecar is built from another one."""
READ = {**WORKLOAD_KINDS, STATEFUL_SET.kind: STATEFUL_SET}
"""Workloads whose images are read: those that sluice releases, and others."""
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """One object that shows what runs, and the address of the repository that it is asked about."""

    wired: Connections
    namespace: str
    by: DeployedBy
    url: str


async def not_deployed(wired: Connections, audit: FlagAudit, removal: ProposedRemoval) -> str:
    """Why it cannot be said that a removal is deployed everywhere; empty where it can.

    Raises:
        NotFoundError: something that shows it is not there.
        TransientError, TerminalError: cluster, git or registry do not answer or refuse.
    """
    where = await repository(wired, audit, removal.repository)
    if not where.asked.deployed_by:
        return f"{where.name}: `deployedBy` names nothing that runs its code"
    commits: dict[str, str] = {}
    for one in where.asked.deployed_by:
        for commit in await _running(wired, audit, one, where.url):
            commits[commit] = f"{one.kind} {one.namespace or audit.namespace}/{one.name}"
    if not commits:
        return f"{where.name}: nothing of `deployedBy` runs"
    async with wired.git.hold(where.remote) as mirror:
        await mirror.fetch(where.branch)
        await with_history(mirror, where.branch)
        for commit, shown in commits.items():
            if not await contains(mirror, commit, removal.commit):
                return f"{shown} is at {commit[:12]}, without the removal"
    return ""


async def _running(wired: Connections, audit: FlagAudit, by: DeployedBy, url: str) -> Sequence[str]:
    """The commits that an object runs; all of them count."""
    return await RUNNING[by.kind](Asked(wired, by.namespace or audit.namespace, by, url))


async def _of_kustomization(asked: Asked) -> Sequence[str]:
    found = await asked.wired.cluster.get(KUSTOMIZATION, asked.by.name, asked.namespace)
    return [_commit((found.get("status") or {}).get("lastAppliedRevision", ""), asked.by)]


async def _of_git_repository(asked: Asked) -> Sequence[str]:
    found = await asked.wired.cluster.get(GIT_REPOSITORY, asked.by.name, asked.namespace)
    return [_commit(((found.get("status") or {}).get("artifact") or {}).get("revision", ""), asked.by)]


async def _of_canary(asked: Asked) -> Sequence[str]:
    """What target and primary run."""
    canary = await asked.wired.cluster.get(CANARY, asked.by.name, asked.namespace)
    target = canary["spec"]["targetRef"]
    return await _of_workloads(asked, target["kind"], target["name"], f"{target['name']}-primary")


async def _of_workload(asked: Asked) -> Sequence[str]:
    return await _of_workloads(asked, asked.by.kind, asked.by.name)


async def _of_workloads(asked: Asked, kind: str, *names: str) -> Sequence[str]:
    wired, namespace, by = asked.wired, asked.namespace, asked.by
    if kind not in READ:
        raise InvalidError(f"deployedBy: {by.kind} {by.name} targets a {kind}: sluice does not read its images")
    commits: list[str] = []
    for name in names:
        found = await wired.cluster.get(READ[kind], name, namespace)
        commits += await _of_images(wired, namespace, found, by, asked.url)
    return commits


async def _of_images(wired: Connections, namespace: str, workload: Object, by: DeployedBy, url: str) -> list[str]:
    """The commits of the images that the workload's pods run, by the digests that their statuses have."""
    selector = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    labels = ",".join(f"{name}={value}" for name, value in sorted(selector.items()))
    pods = await wired.cluster.list(POD, namespace, labels) if labels else []
    ours = {one["name"] for one in workload["spec"]["template"]["spec"]["containers"]}
    images = {
        status.get("imageID", "")
        for pod in pods
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        if status.get("name") in ours
    }
    if not images:
        if workload["spec"].get("replicas") == 0:
            return []  # it runs nothing: a canary at rest
        raise NotFoundError(f"no pod of {by.kind} {namespace}/{by.name} runs: what it would run is not known")
    account = workload["spec"]["template"]["spec"].get("serviceAccountName", "")
    found = [await _label(wired, namespace, image, account, url) for image in sorted(images)]
    commits = [commit for commit in found if commit]
    if not commits:
        raise InvalidError(f"no image of {by.kind} {namespace}/{by.name} has the label {ORIGIN}: set it in its build")
    return commits


async def _label(wired: Connections, namespace: str, image: str, account: str, url: str) -> str:
    """The commit of one image; empty where it does not say, or is built from another repository."""
    name, at, digest = image.rpartition("://")[2].rpartition("@")
    if not at:
        return ""
    where = parse_repository(name)
    login = await login_by_secrets(wired.cluster, namespace, None, account, where)
    labels = await wired.artifacts.labels(where, digest, login)
    source = labels.get(SOURCE, "")
    return "" if source and normalise(source) != normalise(url) else _plain(labels.get(ORIGIN, ""))


def _plain(revision: str) -> str:
    return commit_of(revision) if ":" in revision else revision.strip()


def _commit(revision: str, by: DeployedBy) -> str:
    if not revision:
        raise NotFoundError(f"{by.kind} {by.name} has deployed nothing yet")
    return _plain(revision)


RUNNING: dict[str, Callable[[Asked], Awaitable[Sequence[str]]]] = {
    "Kustomization": _of_kustomization,
    "GitRepository": _of_git_repository,
    "Canary": _of_canary,
    **dict.fromkeys(READ, _of_workload),
}
"""How each kind of `deployedBy` shows which commits it runs."""
