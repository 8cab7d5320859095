"""A shop on the lab: a namespace with a HelmRelease, a repository of charts, and the real helm."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from blocks.connections import Connections, connected
from blocks.helm.program import Helm
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.kinds import CONFIG_MAP, HELM_RELEASE, NAMESPACE
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.registries.pulls import Puller
from blocks.registries.table import open_registries
from lab.programs.modules import helm
from sluice.manifests.crd import crds
from tasks.helm.sync_release import sync_release
from tests.blocks.charts.repository_server import Repository, packed, serving

Object = dict[str, Any]
CONFIG = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  greeting: {{ .Values.greeting | default "hello" | quote }}
  version: {{ .Chart.Version | quote }}
  namespace: {{ .Release.Namespace }}
  mode: "0o17"
"""
BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NOT_A_NAME}\n"
TEST = """apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-smoke
  annotations: {helm.sh/hook: test}
"""
SLOW = """apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-slow
  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  restartPolicy: Never
  nodeSelector: {nowhere: "true"}
  containers: [{name: slow, image: nothing}]
"""
APP = """apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      nodeSelector: {nowhere: "true"}
      containers: [{name: shop, image: "registry.test/shop:{{ .Chart.Version }}"}]
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports: [{port: 80}]
"""
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, description: FIRST, x-kubernetes-preserve-unknown-fields: true}}
"""


@dataclass
class Shop:
    """A namespace with a HelmRelease, a repository of charts, and helm."""

    wired: Connections
    cluster: Cluster
    repository: Repository
    namespace: str
    env: Object
    program: str
    spec: Object = field(default_factory=dict)

    def chart(self, version: str, **files: str) -> None:
        """Put a version of the chart into the repository."""
        every = {"templates/config.yaml": CONFIG} | {
            name.replace("__", "/") + ".yaml": text for name, text in files.items()
        }
        self.repository.charts[version] = packed(version, every)

    async def wants(self, name: str = "shop", **spec: Any) -> None:
        """Change the HelmRelease."""
        chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
        base = {"interval": "10m", "chart": chart, "timeout": "30s"}
        self.spec = {**base, **self.spec, **spec}
        await self.applied("helm.toolkit.fluxcd.io/v2", "HelmRelease", self.spec, name)

    async def applied(self, version: str, kind: str, spec: Object, name: str) -> None:
        meta = {"name": name, "namespace": self.namespace}
        await self.cluster.apply({"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}, manager="team")

    async def released(self, name: str = "shop") -> str:
        """Run it; what it came to."""
        return (await sync_release.fn(self.namespace, name)).said

    async def status(self, name: str = "shop") -> Object:
        status: Object = (await self.cluster.get(HELM_RELEASE, name, self.namespace))["status"]
        return status

    async def condition(self, kind: str, name: str = "shop") -> tuple[str, str, str]:
        """Status, reason and message of a condition; empty where there is none."""
        found = [one for one in (await self.status(name))["conditions"] if one["type"] == kind]
        return (found[0]["status"], found[0]["reason"], found[0]["message"]) if found else ("", "", "")

    async def config(self, name: str = "shop", namespace: str = "") -> Object:
        data: Object = (await self.cluster.get(CONFIG_MAP, name, namespace or self.namespace))["data"]
        return data

    def by_hand(self, *arguments: str) -> str:
        """What a person's helm says."""
        env = {"PATH": os.environ["PATH"], "HOME": str(Path(self.program).parent), "KUBECONFIG": self.env["kubeconfig"]}
        done = subprocess.run(
            [self.program, *arguments, "--namespace", self.namespace],
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout

    def listed(self) -> list[Object]:
        """What `helm list` shows."""
        found: list[Object] = json.loads(self.by_hand("list", "-o", "json"))
        return found


@asynccontextmanager
async def shop(env: Object, home: Path) -> AsyncIterator[Shop]:
    program = str(helm())
    cluster = await Cluster.connect(env["kubeconfig"], env["context"])
    name = f"helm-{uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        stack.push_async_callback(cluster.close)
        wired = Connections(
            cluster=cluster,
            router=None,  # type: ignore[arg-type]  # nothing here is rolled out
            metrics=None,  # type: ignore[arg-type]
            gates=None,  # type: ignore[arg-type]
            informers=await stack.enter_async_context(informed(cluster, (name,))),
            lease=await stack.enter_async_context(kept(cluster, "default", process_identity("helm-test", uuid4().hex))),
            workers=Workers(cluster),
            registry=await stack.enter_async_context(open_registries()),
            artifacts=await stack.enter_async_context(Puller()),
            helm=Helm(home, program, f"{env['bin']}/kustomize"),
        )
        for definition in crds():
            await cluster.apply(definition)
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        stack.push_async_callback(cluster.delete, NAMESPACE, name)
        repository = await stack.enter_async_context(serving(Repository()))
        stack.enter_context(connected(wired))
        it = Shop(wired, cluster, repository, name, env, program)
        it.chart("1.0.0")
        await it.applied(
            "source.toolkit.fluxcd.io/v1", "HelmRepository", {"url": repository.url, "interval": "1m"}, "charts"
        )
        yield it
