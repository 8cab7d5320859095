"""A Job of this cluster, in the Gate's namespace. Its name is the key: the API server itself makes no second one."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.kinds import CRON_JOB, JOB, POD
from blocks.suites.base import RUNNING, Launch, Progress, Reach, Started
from sluice.durations import kubernetes_time
from sluice.errors import ConflictError, InvalidError
from sluice.gates.suite import Outcome
from sluice.manifests.own.gate import Gate
from sluice.rollout.objects import MANAGED_BY

Object = dict[str, Any]
MARK = "sluice.dev/suite"
"""Label of a Job, and of its pods: the key of the attempt."""
KEPT = 86400
"""Seconds that a Job stays after its end, where its template does not say."""
STUCK = 180.0
"""Seconds that a container may wait for its image or its settings."""
WAITS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"}
KILLED = {137, 143}
"""Exit codes of what was stopped from outside."""


@dataclass(frozen=True, slots=True)
class JobRunner:
    """Makes a Job, and reads of its pods why it failed."""

    reach: Reach
    settles: float = 0.0

    async def start(self, launch: Launch) -> Started:
        job = await self._job(launch)
        try:
            await self.reach.cluster.create(job)
        except ConflictError:
            if await self.find(launch) is None:
                raise
        return Started(launch.key)

    async def find(self, launch: Launch) -> Started | None:
        namespace = launch.gate.namespace
        found = await self.reach.cluster.find(JOB, launch.key, namespace)
        if found is None:
            return None
        if (found["metadata"].get("labels") or {}).get(MARK) != launch.key:
            raise InvalidError(f"Job {namespace}/{launch.key} is somebody else's: delete or rename it")
        return Started(launch.key)

    async def progress(self, launch: Launch, run: str) -> Progress:
        job = await self.reach.cluster.get(JOB, run, launch.gate.namespace)
        status = job.get("status") or {}
        ended = {
            str(one.get("type")): one for one in status.get("conditions") or [] if str(one.get("status")) == "True"
        }
        if "Complete" in ended:
            return Progress(Outcome.PASSED)
        if "Failed" in ended:
            reason = ended["Failed"].get("reason")
            if reason == "DeadlineExceeded":
                return Progress(Outcome.BROKEN, f"Job {run} took longer than its activeDeadlineSeconds")
            return _why(await self._pods(launch, run), run)
        if status.get("ready"):
            return RUNNING
        stuck = next(_stuck(await self._pods(launch, run), launch.now), "")
        return Progress(Outcome.BROKEN, stuck) if stuck else RUNNING

    async def cancel(self, launch: Launch, run: str) -> None:
        await self.reach.cluster.delete(JOB, run, launch.gate.namespace)

    async def _pods(self, launch: Launch, run: str) -> list[Object]:
        return await self.reach.cluster.list(POD, launch.gate.namespace, f"{MARK}={run}")

    async def _job(self, launch: Launch) -> Object:
        assert launch.suite.job is not None  # noqa: S101 - the table gives a suite to the runner that it names
        spec = launch.suite.job.template
        if spec is None:
            name, namespace = launch.suite.job.cron_job, launch.gate.namespace
            cron_job = await self.reach.cluster.get(CRON_JOB, name, namespace)
            spec = cron_job["spec"]["jobTemplate"]["spec"]
        return made(spec, launch)


def made(template: Mapping[str, Any], launch: Launch) -> Object:
    """The Job of an attempt: its pods are tried once, know whom they test, and go with the Gate.

    Raises:
        InvalidError: the template is none.
    """
    spec = copy.deepcopy(dict(template))
    pod: Any = spec.get("template")
    containers = ((pod or {}).get("spec") or {}).get("containers") if isinstance(pod, Mapping) else None
    if not isinstance(containers, list) or not all(isinstance(one, Mapping) for one in containers) or not containers:
        raise InvalidError("suite.job.template.template.spec.containers: name the container that runs the suite")
    pod_spec = pod["spec"]
    pod_spec["restartPolicy"] = "Never"
    given = [{"name": name.upper(), "value": value} for name, value in launch.values.items()]
    for container in containers:
        theirs = {one.get("name") for one in container.get("env") or []}
        container["env"] = [*(container.get("env") or []), *(one for one in given if one["name"] not in theirs)]
    labels = {MARK: launch.key, **MANAGED_BY}
    meta = pod.setdefault("metadata", {})
    meta["labels"] = {**(meta.get("labels") or {}), MARK: launch.key}
    # A failed test is not tried again; infrastructure is, by an attempt of its own.
    spec["backoffLimit"] = 0
    spec.setdefault("ttlSecondsAfterFinished", KEPT)
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": {
            "name": launch.key,
            "namespace": launch.gate.namespace,
            "labels": labels,
            "ownerReferences": _owner(launch.gate),
        },
        "spec": spec,
    }


def _owner(gate: Gate) -> list[Object]:
    if not gate.metadata.uid:
        return []
    return [{"apiVersion": gate.api_version, "kind": gate.kind, "name": gate.name, "uid": gate.metadata.uid}]


def _states(pod: Object, state: str) -> Iterator[tuple[str, Object]]:
    status = pod.get("status") or {}
    for one in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        found = (one.get("state") or {}).get(state)
        if found:
            yield str(one.get("name")), found


def _why(pods: list[Object], run: str) -> Progress:
    """Whether a Job failed by its tests: a container ended by itself with an exit code, and nothing took its pod away."""
    said = f"Job {run} failed, and no pod of it is left to say why"
    for pod in pods:
        status = pod.get("status") or {}
        disrupted = [one for one in status.get("conditions") or [] if one.get("type") == "DisruptionTarget"]
        if status.get("reason") or disrupted:
            said = f"pod {pod['metadata']['name']}: {status.get('reason') or disrupted[0].get('reason')}"
            continue
        for name, ended in _states(pod, "terminated"):
            code, reason = int(ended.get("exitCode") or 0), ended.get("reason")
            if code and code not in KILLED and reason == "Error":
                return Progress(Outcome.FAILED, f"container {name} of Job {run} ended with exit code {code}")
            if code:
                said = f"container {name} of Job {run}: {reason}, exit code {code}"
    return Progress(Outcome.BROKEN, said)


def _stuck(pods: list[Object], now: float) -> Iterator[str]:
    for pod in pods:
        if now - kubernetes_time(pod["metadata"].get("creationTimestamp")) < STUCK:
            continue
        for name, waits in _states(pod, "waiting"):
            if waits.get("reason") in WAITS:
                yield f"container {name} of pod {pod['metadata']['name']} does not start: {waits.get('reason')}"
