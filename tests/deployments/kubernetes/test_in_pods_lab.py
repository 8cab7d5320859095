"""An installation as pods with rights in one namespace, and what nodes and kubelets do to it in the middle of a release."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from blocks.kubernetes.kinds import POD
from lab import ports
from lab.product.overlay import NAMESPACE as SLUICE
from tests.deployments.kubernetes.installed import Installed, freeze, installed
from tests.flows.lab_app import push_images

pytestmark = [pytest.mark.lab, pytest.mark.soak]
"""Six minutes, most of them an image and pods that start: `make soak` has the time."""
WEBHOOKS = f"http://{ports.HOST}:{ports.RECEIVER}/registry"
ALIVE = ("python", "-m", "deployments.tools.alive")


async def test_pods_keep_what_is_promised_of_them(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """Rights, read-only root, evictions, a database that outlives the server, a worker that hangs: one after the other.

    No request of a user is lost in all of it, and no webhook.
    """
    push_images(lab_env)
    async with installed(lab_env, tmp_path) as it:
        await until_whole(it)
        before = len(it.failed())
        await each_part_has_its_rights_and_no_other(it)
        await nothing_can_be_written_but_home_and_tmp(it)
        await every_program_starts_in_a_worker(it)
        await an_evicted_worker_s_release_goes_on_in_the_other_pod(it)
        await a_release_ends_while_the_server_s_pod_is_replaced(it)
        await no_webhook_is_refused_while_a_receiver_is_evicted(it)
        await a_worker_that_hangs_is_started_again(it)
        assert len(it.failed()) == before, it.failed()[before:][:5]


async def each_part_has_its_rights_and_no_other(it: Installed) -> None:
    """By the doctor's word in its own pod; and the API server gives nothing in another namespace."""
    for part in ("worker", "watcher"):
        status, said = await it.run(part, "sluice", "doctor")
        assert status == 0, said
        assert f"that {part} need" in said
    for namespace, wanted in ((it.app.namespace, True), ("default", False), ("", False)):
        assert await may_list_canaries(it, namespace) is wanted, namespace


async def may_list_canaries(it: Installed, namespace: str) -> bool:
    asked = {"group": "flagger.app", "resource": "canaries", "verb": "list", "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:{SLUICE}:sluice-worker", "resourceAttributes": asked},
    }
    answer = await it.cluster.server.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
    return bool(answer["status"]["allowed"])


async def nothing_can_be_written_but_home_and_tmp(it: Installed) -> None:
    """As the user of the image, in every part."""
    script = "id -u; for f in /etc/x /opt/sluice/x /var/x $SLUICE_HOME/x /tmp/x; do (echo > $f) 2>&1 && echo $f; done"
    for part in ("server", "worker", "receiver", "watcher"):
        _, said = await it.run(part, "sh", "-c", script)
        lines = said.splitlines()
        assert lines[0] == "65532", said
        assert sum("Read-only file system" in line for line in lines) == 3, said
        assert {"/var/lib/sluice/x", "/tmp/x"} <= set(lines), said  # noqa: S108 - in the pod


async def every_program_starts_in_a_worker(it: Installed) -> None:
    """Those that sluice calls for sources, charts, signatures and what is encrypted, as a user who may not write there."""
    calls = [f"{name} --version" for name in ("git", "gpg", "gpgv", "gpgconf", "sops --disable-version-check")]
    calls += [f"{name} version" for name in ("kustomize", "helm", "cosign")]
    status, said = await it.run("worker", "sh", "-c", " && ".join([*calls, "command -v ssh ssh-keygen"]))
    assert status == 0, said


async def an_evicted_worker_s_release_goes_on_in_the_other_pod(it: Installed) -> None:
    """SIGTERM in the middle of a step: nothing is rolled back, no step is begun twice, and it is the same run."""
    await it.release("1.1.0")
    begun = [step for step in it.app.values("step") if step[0] == 30][-1]
    pod = await it.carrier("1.1.0")
    await it.evict(pod)
    assert await it.until_phase("Succeeded", "Failed") == "Succeeded"
    assert it.app.values("weight") == [30, 60, 100, 0]
    assert [step for step in it.app.values("step") if step[0] == 30] == [begun]
    assert await it.app.image("shop-primary") == "1.1.0"
    await until_state(it, "1.1.0", "Promoted")
    runs = await it.runs("1.1.0")
    (run,) = [one for one in runs if one["state_name"] == "Promoted"]
    assert run["infrastructure_pid"].partition(":")[0] != pod
    assert [(one["name"], one["state_name"]) for one in runs if one is not run] == [], "no second run was started"
    await until_whole(it)


async def a_release_ends_while_the_server_s_pod_is_replaced(it: Installed) -> None:
    """Rollouts do not wait for Prefect; its history is in PostgreSQL, and has the end once the next pod serves."""
    await it.release("1.2.0")
    (old,) = await it.pods("server")
    await it.evict(old["metadata"]["name"])
    assert await it.until_phase("Succeeded", "Failed") == "Succeeded"
    assert it.app.values("weight") == [30, 60, 100, 0]
    await until_state(it, "1.2.0", "Promoted")
    await until_state(it, "1.1.0", "Promoted")
    await until_whole(it)
    (new,) = await it.pods("server")
    assert new["metadata"]["uid"] != old["metadata"]["uid"]


async def no_webhook_is_refused_while_a_receiver_is_evicted(it: Installed) -> None:
    """Through the Service, by somebody who opens a connection for each and does not try again, as GitHub."""
    (leaving, *_) = await it.pods("receiver")
    answers: list[int | str] = []
    over = asyncio.Event()

    async def one() -> None:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
                token = {"Authorization": f"Bearer {it.env['registry_token']}"}
                answers.append((await http.post(WEBHOOKS, json={"events": []}, headers=token)).status_code)
        except httpx.HTTPError as error:
            answers.append(repr(error))

    async def deliver() -> None:
        while not over.is_set():
            await asyncio.gather(one(), asyncio.sleep(0.05))

    delivering = asyncio.create_task(deliver())
    await it.evict(leaving["metadata"]["name"])

    async def gone() -> bool:
        return leaving["metadata"]["name"] not in {
            one["metadata"]["name"] for one in await it.cluster.list(POD, SLUICE)
        }

    await it.until(gone, "the pod is gone")
    over.set()
    await delivering
    assert len(answers) > 20
    assert set(answers) == {202}, Counter(answers)
    await until_whole(it)


async def a_worker_that_hangs_is_started_again(it: Installed) -> None:
    """The probe says so when the sign of life is old, and not before; a release meanwhile is the other worker's."""
    hanging, other = (pod["metadata"] for pod in await it.pods("worker"))
    assert (await it.run_in(hanging["name"], "worker", *ALIVE, "alive"))[0] == 0
    assert freeze(hanging["uid"], "sluice")
    await it.release("1.0.0")
    assert await it.until_phase("Succeeded", "Failed") == "Succeeded"
    assert await it.carrier("1.0.0") == other["name"]

    async def restarted() -> bool:
        return any(
            name == hanging["name"] and sum(counts) for name, _, counts in map(it.brief, await it.pods("worker"))
        )

    await it.until(restarted, "the kubelet starts it again")
    await until_whole(it)
    assert (await it.run_in(hanging["name"], "worker", *ALIVE, "ready"))[0] == 0


async def until_state(it: Installed, version: str, name: str) -> None:
    async def there() -> bool:
        return name in {run["state_name"] for run in await it.runs(version)}

    await it.until(there, f"{version} is {name}")


async def until_whole(it: Installed) -> None:
    """Each pod that is wanted is ready."""

    async def ready() -> bool:
        pods = [pod for part in ("server", "worker", "receiver", "watcher") for pod in await it.pods(part)]
        conditions = [{one["type"]: one["status"] for one in pod["status"].get("conditions", ())} for pod in pods]
        return len(pods) == 6 and all(one.get("Ready") == "True" for one in conditions)

    await it.until(ready, "all pods are ready")
