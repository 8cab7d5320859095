"""Blue/green without a mesh: the apex Service's selector is the switch; users come over a route of the application's own.

That route names the apex Service alone, and nobody changes it. Tests decide, not users: a revision is promoted by what the
`rollout` webhook answers (docs/strategies.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.faults.applications.base import CANARY, INTERVAL_S, PRIMARY, Application, Object, Route, Site, Strategy
from lab.faults.applications.parts import DEPLOYMENT, canary, plain_way_in, workload
from lab.faults.judged.history import Facts, History
from lab.faults.proxies.acts import TARGET_PODS

ITERATIONS = 3


def _manifests(site: Site) -> list[Object]:
    return [
        workload(site, DEPLOYMENT, replicas=1),
        *plain_way_in(site, {"app": site.app}),
        canary(site, "kubernetes", DEPLOYMENT, BLUE_GREEN),
    ]


def _apex(item: Mapping[str, Any]) -> Facts:
    """Whose pods it selects, once it is the Canary's switch: a side has all of the users, or none."""
    name, selected = item["metadata"]["name"], (item["spec"].get("selector") or {}).get("app", "")
    if TARGET_PODS not in (item["metadata"].get("annotations") or {}):
        return {}
    sides = {PRIMARY: f"{name}-{PRIMARY}", CANARY: name}
    return {"weights": {side: 100 if selected == pods else 0 for side, pods in sides.items()}}


def _selected(history: History, app: str, side: str, version: int) -> bool:
    """The switch reaches pods by their label: whatever the Service of one side offers is not what it goes by."""
    label = app if side == CANARY else f"{app}-{side}"
    pods = (history.at("pods", name, version) for name in history.names("pods"))
    return any(pod and pod["app"] == label and pod["ready"] and not pod["leaving"] for pod in pods)


def _tested(site: Site) -> Object:
    suite = {"name": "e2e", "type": "rollout", "url": f"{site.gate_url}/e2e"}
    return {"interval": f"{INTERVAL_S}s", "threshold": 2, "iterations": ITERATIONS, "webhooks": [suite]}


ACTS = {
    "create route": "claim apex service",
    "route step": "",
    "route 100": "switch apex to canary",
    "route 0": "switch apex home",
}
APEX = Route("v1", "Service", _apex, _selected, lambda app, _: [app], ACTS)
BLUE_GREEN = Strategy(_tested, frozenset(), ITERATIONS, measured=False, acts=("journal interval",))
SERVICE_BLUE_GREEN = Application("service_blue_green", _manifests, DEPLOYMENT, APEX, BLUE_GREEN)
