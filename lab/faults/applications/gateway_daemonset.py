"""A DaemonSet behind an HTTPRoute with weights: scaled by a node selector, frozen by OnDelete (docs/workloads.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.faults.applications.base import Application, Object, Part, Site
from lab.faults.applications.parts import HTTP_ROUTE, WEIGHTED, gateway_canary, template_facts, workload
from lab.faults.judged.history import Facts

AT_REST = "flagger.app/scale-to-zero"
FROZEN = "OnDelete"


def _manifests(site: Site) -> list[Object]:
    return [workload(site, DAEMON_SET), gateway_canary(site, DAEMON_SET)]


def _daemon_set(item: Mapping[str, Any]) -> Facts:
    spec, status = item["spec"], item.get("status") or {}
    rests = (spec["template"]["spec"].get("nodeSelector") or {}).get(AT_REST) == "true"
    return {
        **template_facts(item),
        "pods": 0 if rests else 1,  # the lab has one node
        "frozen": (spec.get("updateStrategy") or {}).get("type") == FROZEN,
        "ready": status.get("numberReady", 0),
        "updated": status.get("updatedNumberScheduled", 0),
        "all": status.get("currentNumberScheduled", 0),
    }


DAEMON_SET = Part("apps/v1", "DaemonSet", _daemon_set)
GATEWAY_DAEMONSET = Application("gateway_daemonset", _manifests, DAEMON_SET, HTTP_ROUTE, WEIGHTED)
