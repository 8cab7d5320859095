"""A Deployment that a HorizontalPodAutoscaler scales, named by the Canary's `autoscalerRef`; the primary has a copy of it.

The lab has no metrics server: what the cluster's autoscaler still does is to keep to the least and the most. What metrics
would ask for in between is played by hands that scale as it does, by `/scale` and never from zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.faults.applications.base import Application, Object, Part, Site
from lab.faults.applications.parts import DEPLOYMENT, HTTP_ROUTE, WEIGHTED, gateway_canary, workload
from lab.faults.judged.history import Facts

LEAST, MOST = 1, 4


def _manifests(site: Site) -> list[Object]:
    reference = {"apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.kind, "name": site.app}
    usage = {"type": "Utilization", "averageUtilization": 80}
    scaled = {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": site.app}
    spec = {
        "scaleTargetRef": scaled,
        "minReplicas": LEAST,
        "maxReplicas": MOST,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": usage}}],
    }
    canary = gateway_canary(site, DEPLOYMENT)
    canary["spec"]["autoscalerRef"] = reference
    return [
        workload(site, DEPLOYMENT, replicas=LEAST),
        {"apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.kind, "metadata": site.meta, "spec": spec},
        canary,
    ]


def _autoscaler(item: Mapping[str, Any]) -> Facts:
    spec = item["spec"]
    return {"scales": spec["scaleTargetRef"]["name"], "least": spec.get("minReplicas", 1), "most": spec["maxReplicas"]}


AUTOSCALER = Part("autoscaling/v2", "HorizontalPodAutoscaler", _autoscaler)
HANDS = ("autoscale target", "autoscale primary", "raise least pods")
GATEWAY_AUTOSCALED = Application(
    "gateway_autoscaled", _manifests, DEPLOYMENT, HTTP_ROUTE, WEIGHTED, autoscaler=AUTOSCALER, hands=HANDS
)
