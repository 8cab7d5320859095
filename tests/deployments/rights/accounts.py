"""Service accounts on the lab, each with the rights of one part but for one, and a sample of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import NAMESPACE, SECRET
from deployments.rights.manifests import API, rules
from deployments.rights.part import Part
from deployments.rights.right import Right
from deployments.rights.table import RIGHTS
from sluice.errors import TransientError
from tests.samples import canary_manifest, workload

Object = dict[str, Any]
NAME, LOGIN = "shop", "login"
AT_ONCE, SERVED_WITHIN = 12, 20
KEDA: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "scaledobjects.keda.sh"},
    "spec": {
        "group": "keda.sh",
        "scope": "Namespaced",
        "names": {
            "plural": "scaledobjects",
            "singular": "scaledobject",
            "kind": "ScaledObject",
            "listKind": "ScaledObjects",
        },
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
"""The kind as far as an API server needs it, which the lab has not."""
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)


@dataclass(frozen=True, order=True)
class Lacking:
    """One verb on one resource of one part; without a verb nothing is lacking."""

    part: Part
    verb: str = ""
    resource: str = ""

    def __str__(self) -> str:
        return f"{self.part} {self.verb} {self.resource}".strip()

    @property
    def account(self) -> str:
        """A name that the API server takes."""
        return str(self).replace(" ", "-").replace("/", "-").lower() or "all"

    def rows(self) -> list[Right]:
        """The rows of the table that say so, in all namespaces that they are about."""
        return [
            one for one in RIGHTS if (str(one) == self.resource and self.verb in one.verbs and self.part in one.parts)
        ]

    def rules(self) -> list[Object]:
        """The rules of a Role with all of the part's rights but this."""
        mine = [one for one in RIGHTS if self.part in one.parts]
        given = [
            Right(one.kind, verbs, one.why, subresource=one.subresource)
            for one in mine
            if (verbs := tuple(verb for verb in one.verbs if (verb, str(one)) != (self.verb, self.resource)))
        ]
        named = [rule | {"resourceNames": [LOGIN]} for rule in rules([one for one in given if one.kind == SECRET])]
        return rules([one for one in given if one.kind != SECRET]) + named


EACH = sorted({Lacking(part, verb, str(one)) for one in RIGHTS for part in one.parts for verb in one.verbs})


CHART: Object = {"chart": NAME, "interval": "1m", "sourceRef": {"kind": "HelmRepository", "name": NAME}}


def samples(namespace: str) -> list[Object]:
    """An object of each kind that sluice reads or writes by name."""
    canary, target, daemons = canary_manifest(), workload("Deployment"), workload("DaemonSet")
    stateful = {"serviceName": NAME, "replicas": 0, "selector": target["spec"]["selector"]}
    target["spec"]["replicas"] = 0
    daemons["spec"]["template"]["spec"]["nodeSelector"] = {"nowhere": "true"}
    ref = {"name": NAME}
    specs: list[tuple[str, str, Object]] = [
        ("v1", "ConfigMap", {"data": {"a": "b"}}),
        ("v1", "ServiceAccount", {}),
        ("apps/v1", "StatefulSet", {"spec": {**stateful, "template": workload("Deployment")["spec"]["template"]}}),
        ("v1", "Service", {"spec": {"ports": [{"port": 80}], "selector": {"app": NAME}}}),
        ("coordination.k8s.io/v1", "Lease", {"spec": {"leaseDurationSeconds": 15}}),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", {"spec": {"hostnames": [f"{namespace}.test"]}}),
        ("discovery.k8s.io/v1", "EndpointSlice", {"addressType": "IPv4", "endpoints": []}),
        (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            {
                "spec": {
                    "maxReplicas": 2,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME},
                }
            },
        ),
        ("keda.sh/v1alpha1", "ScaledObject", {"spec": {"scaleTargetRef": ref}}),
        ("flagger.app/v1beta1", "MetricTemplate", {"spec": {"provider": {"type": "prometheus"}, "query": "up"}}),
        (
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            {"spec": {"url": "https://git.test/shop.git", "interval": "1m", "secretRef": {"name": LOGIN}}},
        ),
        ("v1", "Event", {"involvedObject": {"kind": "Canary", "name": NAME, "namespace": namespace}, "reason": "Kept"}),
        (
            "notification.toolkit.fluxcd.io/v1beta3",
            "Provider",
            {"spec": {"type": "generic", "address": "https://a.test"}},
        ),
        (
            "sluice.dev/v1alpha1",
            "FlagRollout",
            {
                "spec": {
                    "flag": "basket",
                    "service": {"type": "flipt", "address": "https://flipt.test"},
                    "analysis": {"stepWeights": [10, 50]},
                }
            },
        ),
        ("sluice.dev/v1alpha1", "Gate", {"spec": {"approval": {}}}),
        ("sluice.dev/v1alpha1", "Train", {"spec": {"cars": [{"canary": NAME}]}}),
        ("sluice.dev/v1alpha1", "Freeze", {"spec": {"suspend": True}}),
        ("sluice.dev/v1alpha1", "AuditRecord", {"spec": {"act": "pause", "by": "alice", "canary": NAME}}),
        (
            "notification.toolkit.fluxcd.io/v1beta3",
            "Alert",
            {"spec": {"providerRef": ref, "eventSources": [{"kind": "Kustomization", "name": NAME}]}},
        ),
        ("source.toolkit.fluxcd.io/v1", "OCIRepository", {"spec": {"url": "oci://registry.test/a", "interval": "1m"}}),
        (
            "source.toolkit.fluxcd.io/v1",
            "Bucket",
            {"spec": {"endpoint": "s3.test", "bucketName": "a", "interval": "1m"}},
        ),
        (
            "kustomize.toolkit.fluxcd.io/v1",
            "Kustomization",
            {"spec": {"sourceRef": {"kind": "GitRepository", "name": NAME}, "interval": "1m", "prune": True}},
        ),
        ("source.toolkit.fluxcd.io/v1", "HelmRepository", {"spec": {"url": "https://charts.test", "interval": "1m"}}),
        ("source.toolkit.fluxcd.io/v1", "HelmChart", {"spec": CHART}),
        ("helm.toolkit.fluxcd.io/v2", "HelmRelease", {"spec": {"interval": "1m", "chart": {"spec": CHART}}}),
        (
            "notification.toolkit.fluxcd.io/v1",
            "Receiver",
            {
                "spec": {
                    "type": "generic",
                    "resources": [{"kind": "GitRepository", "name": NAME}],
                    "secretRef": {"name": LOGIN},
                }
            },
        ),
        ("image.toolkit.fluxcd.io/v1", "ImageRepository", {"spec": {"image": "registry.test/shop", "interval": "1m"}}),
        (
            "image.toolkit.fluxcd.io/v1",
            "ImagePolicy",
            {"spec": {"imageRepositoryRef": ref, "policy": {"semver": {"range": ">=1.0.0"}}}},
        ),
        (
            "image.toolkit.fluxcd.io/v1",
            "ImageUpdateAutomation",
            {
                "spec": {
                    "interval": "1m",
                    "sourceRef": {"kind": "GitRepository", "name": NAME},
                    "git": {"commit": {"author": {"email": "a@example.com"}}},
                    "update": {"strategy": "Setters"},
                }
            },
        ),
        (
            "sluice.dev/v1alpha1",
            "FlagAudit",
            {
                "spec": {
                    "service": {"type": "flipt", "address": "https://flags.test"},
                    "repositories": [{"sourceRef": {"name": NAME}}],
                }
            },
        ),
    ]
    made = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": NAME}, **rest} for version, kind, rest in specs
    ] + [{**one, "metadata": {"name": NAME}} for one in (canary, target, daemons)]
    for one in made:
        one.pop("status", None)
        one["metadata"] = {"name": NAME, "namespace": namespace}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": LOGIN, "namespace": namespace}}
    return [*made, secret]


async def at_once(calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """All of them, a few at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[object]]) -> None:
        async with room:
            await call()

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(one(call))


@dataclass(frozen=True)
class Accounts:
    """The accounts of one namespace.

    Attributes:
        env: of the lab.
        folder: where each account's kubeconfig is.
    """

    env: Object
    namespace: str
    folder: Path

    async def install(self, admin: Cluster, each: Iterable[Lacking]) -> None:
        """Make the namespace, an object of each kind, and the accounts."""
        await admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        await admin.apply(KEDA)
        async with asyncio.timeout(SERVED_WITHIN):
            while not _established(await admin.get(DEFINITION, KEDA["metadata"]["name"])):
                await asyncio.sleep(0.05)
        await at_once([lambda one=one: admin.create(one) for one in samples(self.namespace)])
        await self.give(admin, each)

    async def remove(self, admin: Cluster) -> None:
        """Take all of it away."""
        await admin.delete(NAMESPACE, self.namespace)
        await admin.delete(DEFINITION, KEDA["metadata"]["name"])

    async def give(self, admin: Cluster, each: Iterable[Lacking]) -> None:
        """Make accounts in a namespace that is there."""
        await at_once([lambda one=one: self._account(admin, one) for one in each])

    async def _account(self, admin: Cluster, lacking: Lacking) -> None:
        meta = {"name": lacking.account, "namespace": self.namespace}
        await admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
        await admin.create({"apiVersion": API, "kind": "Role", "metadata": meta, "rules": lacking.rules()})
        role = {"apiGroup": API.partition("/")[0], "kind": "Role", "name": lacking.account}
        subject = {"kind": "ServiceAccount", **meta}
        await admin.create(
            {"apiVersion": API, "kind": "RoleBinding", "metadata": meta, "roleRef": role, "subjects": [subject]}
        )
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{lacking.account}/token"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        token = (await admin.server.call("POST", path, body=asked))["status"]["token"]
        await asyncio.to_thread(self._write, lacking.account, token)

    def _write(self, account: str, token: str) -> None:
        config = yaml.safe_load(Path(self.env["kubeconfig"]).read_text())
        config["users"][0]["user"] = {"token": token}
        (self.folder / account).write_text(yaml.safe_dump(config))

    async def connect(self, lacking: Lacking) -> Cluster:
        """The cluster as this account sees it."""
        file = str(self.folder / lacking.account)
        return await Cluster.connect(file, self.env["context"], namespaces=(self.namespace,))


def _established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []  # null while it is new
    return any((one["type"], one["status"]) == ("Established", "True") for one in conditions)


async def version(admin: Cluster, kind: Kind, namespace: str) -> str:
    """What tells whether somebody has written the sample of a kind; empty where there is none."""
    with suppress(TransientError):
        found = await admin.find(kind, LOGIN if kind == SECRET else NAME, namespace)
        return str(found["metadata"]["resourceVersion"]) if found else ""
    return ""
