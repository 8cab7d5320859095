"""A Gate that is another service: its Canary and primary are read, in this cluster by watches, in another by asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.gates.kinds.base import Asked, GateAnswer, Ways
from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.kinds import CANARY, WORKLOAD_KINDS
from sluice.errors import InvalidError, NotFoundError
from sluice.gates.dependency import met
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.gates.dependency import DependencySpec
from sluice.rollout.revision import version_of

NEAR, FAR = 15.0, 60.0
"""Seconds between two looks: at what a watch brings, and at another cluster."""


@dataclass(frozen=True, slots=True)
class DependencyGate:
    """Looks at a Canary."""

    ways: Ways

    async def ask(self, asked: Asked) -> GateAnswer:
        """Open once the version that is wanted is promoted there."""
        spec, home = asked.gate.spec.dependency, asked.gate.namespace
        assert spec is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        namespace = spec.namespace or home
        if spec.kube_config is None and home not in {namespace, self.ways.home}:
            said = "dependency.namespace: only a Gate in sluice's own namespace may look into another one"
            return GateAnswer(False, said, again=FAR)
        where = f"Canary {namespace}/{spec.canary}"
        if spec.kube_config is None and (namespace, spec.canary) == (asked.canary.namespace, asked.canary.name):
            return GateAnswer(True, f"{where} does not wait for itself")
        try:
            canary, primary = await self._read(asked, spec, namespace)
        except NotFoundError:
            return GateAnswer(False, f"{where} or its primary is not there", again=FAR)
        found = met(spec.version, canary, version_of(dict(primary)), where)
        return GateAnswer(found.open, found.said, again=FAR if spec.kube_config else NEAR)

    async def _read(self, asked: Asked, spec: DependencySpec, namespace: str) -> tuple[Canary, Mapping[str, Any]]:
        """The Canary, and its primary."""
        if spec.kube_config is None:
            return await _both(self.ways.informers, spec.canary, namespace)
        if self.ways.tenants is None:
            raise InvalidError("dependency.kubeConfig: this process has no way to other clusters")
        async with self.ways.tenants.elsewhere(self.ways.cluster, asked.gate.namespace, spec.kube_config) as cluster:
            return await _both(cluster, spec.canary, namespace)


async def _both(source: Any, name: str, namespace: str) -> tuple[Canary, Mapping[str, Any]]:
    canary = Canary.parse(dict(await source.get(CANARY, name, namespace)))
    kind: Kind | None = WORKLOAD_KINDS.get(canary.spec.target_ref.kind)
    if kind is None:
        raise InvalidError(f"{canary}: spec.targetRef.kind {canary.spec.target_ref.kind!r} has no primary")
    return canary, await source.get(kind, canary.primary, namespace)
