"""Deployments: scaled by `spec.replicas`, frozen by `spec.paused`."""

from __future__ import annotations

import copy

from sluice.rollout.revision import Rule, revision_of
from sluice.rollout.workloads.base import Object, Workload
from sluice.sync.ownership import yielding_replicas


class DeploymentWrites:
    """What a Deployment is given."""

    def plain(self, workload: Object) -> Object:
        spec: Object = copy.deepcopy(workload["spec"])
        spec.pop("paused", None)
        return spec

    def scaled(self, workload: Object, pods: int) -> Object | None:
        return None if workload["spec"].get("replicas", 1) == pods else {"spec": {"replicas": pods}}

    def frozen(self, workload: Object) -> Object | None:
        return None if workload["spec"].get("paused") else {"spec": {"paused": True}}

    def thawed(self, workload: Object) -> Object | None:
        return {"spec": {"paused": False}} if workload["spec"].get("paused") else None

    def yielding(self, manifest: Object, live: Object, manager: str) -> Object:
        return yielding_replicas(manifest, live, manager)


class DeploymentReads:
    """What is read of a Deployment."""

    def revision(self, workload: Object, rule: Rule = revision_of) -> str:
        return rule(workload)

    def pods(self, workload: Object) -> int:
        return int(workload["spec"].get("replicas", 1))

    def ready(self, workload: Object, share: int = 100) -> bool:
        wanted, status = self.pods(workload), workload.get("status") or {}
        if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
            return False
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        older = status.get("replicas", updated) > updated
        return bool(wanted > 0 and not older and min(updated, available) * 100 >= wanted * share)

    def rolled_over(self, workload: Object) -> bool:
        wanted, status = self.pods(workload), workload.get("status") or {}
        return self.ready(workload) and status.get("replicas", 0) == wanted == status.get("updatedReplicas", 0)

    def ends_early(self, workload: Object) -> bool:
        strategy = workload["spec"].get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return True
        unavailable = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", "25%")
        if isinstance(unavailable, str):
            return int(unavailable.rstrip("%")) * self.pods(workload) // 100 > 0
        return int(unavailable) > 0


DEPLOYMENT = Workload("apps/v1", "Deployment", "deployments", DeploymentWrites(), DeploymentReads())
