"""What people ask of a release on a real cluster: heard by the run at once, and written by nobody but by those who may."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import AUDIT_RECORD, NAMESPACE
from sluice.errors import SluiceError
from sluice.gates.asking import Request
from sluice.manifests.own.audit_record import Act
from tasks.people.asking.ask import ask
from tests.flows.lab_app import App, app, install_kinds, push_images, wired
from tests.gates import gate_object, record_object

pytestmark = pytest.mark.lab
Object = dict[str, Any]
TRAIL = Path(__file__).parents[2] / "deployments" / "kubernetes" / "components" / "trail"
SLOW = {"analysis": {"interval": "1h", "pace": "interval", "stepWeights": [30]}}


def played(
    env: Object, folder: Path, spec: Object, tale: Callable[[App, Connections], Awaitable[None]], *gates: Object
) -> None:
    """A release of the application, with Gates in its namespace, of which a tale is played."""

    async def it() -> None:
        async with wired(env) as connections:
            with in_this_process(connections):
                await install_kinds(connections.cluster)
                async with app(env, connections.cluster, "asked", folder, spec) as shop:
                    for gate in gates:
                        gate["metadata"]["namespace"] = shop.namespace
                        await connections.cluster.create(gate)
                    await shop.set_image("1.1.0")
                    await tale(shop, connections)

    push_images(env)
    asyncio.run(it())


async def asks(shop: App, act: Act, **more: Any) -> str:
    """Somebody asks through the command line's way."""
    by, groups = await shop.cluster.whoami()
    return await ask(
        shop.cluster, "sluice", shop.namespace, "shop", Request(act, by, groups, "cli", "it is time", **more)
    )


def test_an_approval_lets_users_in_and_a_closed_gate_nobody(
    lab_env: Object, prefect_engine: str, tmp_path: Path
) -> None:
    """The Gate's own words are in the condition meanwhile; a record in the namespace says who opened it."""

    async def tale(shop: App, _: Connections) -> None:
        run = shop.start()
        await shop.until(lambda: "Waiting" in shop.values("phase"), "a closed Gate")
        assert set(shop.values("weight")) == {0}
        await asks(shop, Act.APPROVE)
        assert (await run).startswith("promoted")
        assert shop.order("phase", "weight")[-1] == ("phase", "Succeeded")
        (record,) = await shop.cluster.list(AUDIT_RECORD, shop.namespace, "sluice.dev/asks=true")
        assert record["spec"]["gate"] == f"{shop.namespace}/four-eyes"

    played(lab_env, tmp_path, {}, tale, gate_object())


def test_an_abort_takes_users_home_and_the_revision_is_refused_until_somebody_says_retry(
    lab_env: Object, prefect_engine: str, tmp_path: Path
) -> None:
    """In the middle of a step of an hour; after that only a new try goes on."""

    async def tale(shop: App, _: Connections) -> None:
        run = shop.start()
        await shop.until_weight(30)
        await asks(shop, Act.ABORT)
        said = await run
        assert said.startswith("rolled back: aborted by ")
        assert said.endswith(": it is time")
        assert shop.values("weight")[-1] == 0
        assert (await shop.start()).startswith("refused")
        await asks(shop, Act.RETRY)
        again = shop.start()
        await shop.until(lambda: shop.values("weight")[-1] == 30, "users of the new try")
        await asks(shop, Act.PROMOTE)
        assert (await again).startswith("promoted: promoted ahead of its steps by ")

    played(lab_env, tmp_path, SLOW, tale)


def test_a_pause_holds_what_is_not_begun_without_pods_and_a_resume_lets_it_go(
    lab_env: Object, prefect_engine: str, tmp_path: Path
) -> None:
    """A step that is paused is judged on."""

    async def tale(shop: App, _: Connections) -> None:
        run = shop.start()
        await shop.until_weight(30)
        await asks(shop, Act.PAUSE)
        await asyncio.sleep(6)  # two intervals
        assert shop.values("weight")[-1] == 30
        await asks(shop, Act.RESUME)
        assert (await run).startswith("promoted")

    played(lab_env, tmp_path, {}, tale)


def test_people_write_in_their_own_name_only_and_nobody_changes_what_is_written(
    lab_env: Object, tmp_path: Path
) -> None:
    """By the API server: the policy of components/trail, and the kind's own rule."""

    async def it() -> None:
        admin = await Cluster.connect(lab_env["kubeconfig"], lab_env["context"])
        await install_kinds(admin)
        namespace = f"trail-{uuid4().hex[:6]}"
        policies = [
            one for file in ("admission.yaml", "people.yaml") for one in yaml.safe_load_all((TRAIL / file).read_text())
        ]
        try:
            await admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            for one in policies:
                await admin.apply(one)
            person = await releaser(admin, lab_env, namespace, tmp_path)
            me, groups = await person.whoami()
            assert me == f"system:serviceaccount:{namespace}:alice"
            await refused(person, record(namespace, "somebody-else"), "you are")
            await refused(person, record(namespace, me, groups=["sre"]), "a group that you are not in")
            made = await person.create(record(namespace, me, groups=list(groups)))
            change = {"spec": {"reason": "another one"}}
            with pytest.raises(SluiceError, match="never changed"):
                await admin.patch(AUDIT_RECORD, made["metadata"]["name"], namespace, change)
            await admin.create(record(namespace, "somebody-else"))
            await person.close()
        finally:
            for one in policies:
                await admin.delete(await admin.resource_for(one["apiVersion"], one["kind"]), one["metadata"]["name"])
            await admin.delete(NAMESPACE, namespace)
            await admin.close()

    asyncio.run(it())


def record(namespace: str, by: str, **spec: Any) -> Object:
    """A record in a namespace."""
    made = record_object("pause", by=by, revision="r1", **spec)
    made["metadata"] = {**made["metadata"], "name": f"pause-{uuid4().hex[:8]}", "namespace": namespace}
    return made


async def refused(person: Cluster, item: Object, why: str) -> None:
    """The policy needs a moment until the API server acts by it."""
    said = ""
    for _ in range(100):
        try:
            await person.create({**item, "metadata": {**item["metadata"], "name": f"try-{uuid4().hex[:8]}"}})
        except SluiceError as error:
            said = str(error)
            if "sluice-trail" in said:
                break
        await asyncio.sleep(0.1)
    assert why in said


async def releaser(admin: Cluster, env: Object, namespace: str, folder: Path) -> Cluster:
    """Somebody with the ClusterRole for people in one namespace."""
    meta = {"name": "alice", "namespace": namespace}
    await admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    await admin.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "sluice-releaser"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/alice/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = (await admin.server.call("POST", path, body=asked))["status"]["token"]
    await asyncio.to_thread(write, env, folder, token)
    return await Cluster.connect(str(folder / "alice"), env["context"], namespaces=(namespace,))


def write(env: Object, folder: Path, token: str) -> None:
    """The kubeconfig of the person."""
    config = yaml.safe_load(Path(env["kubeconfig"]).read_text())
    config["users"][0]["user"] = {"token": token}
    (folder / "alice").write_text(yaml.safe_dump(config))
