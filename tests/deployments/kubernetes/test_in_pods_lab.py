"""An installation as pods with rights in one namespace, and what nodes and kubelets do to it in the middle of a release."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab import ports
from lab.product.overlay import NAMESPACE as SLUICE
from tests.deployments.kubernetes.installed import Installed, installed
from tests.flows.lab_app import push_images

pytestmark = pytest.mark.lab
WEBHOOKS = f"http://{ports.HOST}:{ports.RECEIVER}/registry"
ALIVE = ("python", "-m", "deployments.tools.alive")


async def test_pods_keep_what_is_promised_of_them(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """Rights in one namespace, a read-only root, PostgreSQL, a worker that is evicted; no request of a user is lost."""
    push_images(lab_env)
    async with installed(lab_env, tmp_path) as it:
        await until_whole(it)
        before = len(it.failed())
        await each_part_has_its_rights_and_no_other(it)
        await nothing_can_be_written_but_home_and_tmp(it)
        await an_evicted_worker_s_release_goes_on_in_the_other_pod(it)
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
    await until_whole(it)


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
