"""What the bench makes in the cluster, and takes away again: also what an earlier one that was killed left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import yaml

from bench.scale import manifests, services
from bench.scale.load import Load, canary_name, namespace_of, namespaces
from lab.api.access import Access
from lab.api.client import STRATEGIC, Api, all_of
from lab.api.paths import Object, path_of
from lab.errors import LabError
from lab.progress import say

GONE_WITHIN_S = 600
TOKEN_S = 24 * 3600
SELECTOR = f"labelSelector=app.kubernetes.io%2Fmanaged-by%3D{manifests.OWNER}"
CLUSTER_WIDE = (
    "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/gateway.networking.k8s.io/v1/gatewayclasses",
)
NAMESPACES = "/api/v1/namespaces"
FAKE_NODES = f"/api/v1/nodes?labelSelector=sluice.dev%2Ffake-node%3D{manifests.OWNER}"


async def remove_all(api: Api) -> None:
    """Everything that any bench has made."""
    await remove_namespaces(api, await _names(api, f"{NAMESPACES}?{SELECTOR}"))
    for path in CLUSTER_WIDE:
        await api.delete(f"{path}?{SELECTOR}")
    await api.delete(FAKE_NODES)


async def remove_namespaces(api: Api, names: Iterable[str]) -> None:
    """Delete namespaces with all that is in them and wait until they are gone.

    The Canaries go first: what they own goes with them, and a target without them starts nothing.
    """
    names = list(names)
    for name in names:
        await api.delete(f"/apis/flagger.app/v1beta1/namespaces/{name}/canaries")
    for name in names:
        await api.delete(f"{NAMESPACES}/{name}")
    give_up = time.monotonic() + GONE_WITHIN_S
    while left := set(await _names(api, f"{NAMESPACES}?{SELECTOR}")) & set(names):
        if time.monotonic() > give_up:
            raise LabError(f"namespaces do not go: {', '.join(sorted(left))}")
        for name in left:  # where nobody plays their kubelet any more
            await api.delete(f"{NAMESPACES}/{name}/pods?gracePeriodSeconds=0")
        await asyncio.sleep(1.0)


async def _names(api: Api, path: str) -> list[str]:
    return [item["metadata"]["name"] for item in (await api.get(path))["items"]]


async def make_identity(api: Api, access: Access, namespace: str, kubeconfig: Path) -> None:
    """sluice's own account with all rights, its kubeconfig, and the counting of its requests."""
    await api.create(manifests.namespace(namespace))
    for manifest in [*manifests.service_account(namespace), *manifests.flow_schemas(namespace)]:
        await api.create(manifest)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/sluice/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": TOKEN_S}}
    token = (await api.post(path, asked))["status"]["token"]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "bench", "cluster": {"server": access.server, "certificate-authority": access.authority}}
        ],
        "users": [{"name": "sluice", "user": {"token": token}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "sluice"}}],
        "current-context": "bench",
    }
    await asyncio.to_thread(_write_secret, kubeconfig, yaml.safe_dump(document))


def _write_secret(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)


async def make_gateway(api: Api, namespace: str) -> None:
    """The Gateway whose routes the bench accepts."""
    for manifest in services.gateway(namespace):
        await api.create(manifest)


async def install_kinds(api: Api, definitions: Iterable[Object]) -> None:
    """sluice's custom resource definitions, by server-side apply: another run may have them already."""
    for definition in definitions:
        await api.apply(definition, "bench")


async def make_canaries(api: Api, load: Load, prefix: str, gateway: tuple[str, str]) -> None:
    """All Canaries and their targets, the targets first."""
    places = [(canary_name(index), namespace_of(prefix, index)) for index in range(load.n)]
    targets = [manifests.deployment(name, namespace, load.replicas) for name, namespace in places]
    canaries = [manifests.canary(name, namespace, load, gateway) for name, namespace in places]
    say(f"making {load.n} Deployments and Canaries in {len(namespaces(prefix, load.n))} namespaces")
    await all_of([partial(api.create, one) for one in targets])
    await all_of([partial(api.create, one) for one in canaries])


async def set_image(api: Api, name: str, namespace: str, version: int) -> None:
    """What `kubectl set image` does."""
    container = {"name": "app", "image": manifests.image(version)}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await api.patch(path_of(manifests.deployment(name, namespace, 1)), change, STRATEGIC, "kubectl-set")
