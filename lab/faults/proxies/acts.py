"""What a request to the API server means to a rollout: which Canary it is about, and which act of its story it is.

Boundary faults are planned in these words ("before the route goes to 100"), and the log of writes is read in them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Object = Mapping[str, Any]
LEASE_PREFIX = "sluice-"
OWN_SUFFIXES = ("-primary", "-canary")
AT_REST = "flagger.app/scale-to-zero"
"""In the node selector of a DaemonSet that is to have no pods (docs/workloads.md)."""
FROZEN = "OnDelete"
TARGET_PODS = "sluice.dev/target-pods"
"""Annotation of an apex Service that is the switch: the label of the pods that it switches to."""

BOUNDARIES = (
    "begin",
    "journal Waiting",
    "scale target up",
    "journal step",
    "route step",
    "journal evidence",
    "journal interval",
    "journal WaitingPromotion",
    "freeze target",
    "journal Promoting",
    "route 100",
    "switch apex to canary",
    "apply primary",
    "route 0",
    "switch apex home",
    "journal Finalising",
    "scale target to 0",
    "journal Succeeded",
    "journal rolling back",
    "journal Failed",
    "journal Initializing",
    "apply service",
    "create route",
    "apply autoscaler",
    "claim apex service",
    "journal Initialized",
    "thaw target",
    "journal superseded",
    "take lease",
)
"""Every act of a rollout that is a write, by its name here."""


@dataclass(frozen=True, slots=True)
class Place:
    """The object that a request is about; `name` is empty for a collection."""

    namespace: str
    plural: str
    name: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Act:
    """One act on one Canary.

    Attributes:
        canary: the Canary's name.
        what: the act, one of BOUNDARIES or a word of the same kind.
    """

    namespace: str
    canary: str
    what: str

    @property
    def key(self) -> tuple[str, str]:
        """Which Canary it is, of all namespaces."""
        return self.namespace, self.canary


def place(path: str) -> Place | None:
    """The object that a path of the API is about; None where it is about no namespaced object."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if "namespaces" not in parts:
        return None
    rest = parts[parts.index("namespaces") + 1 :]
    if len(rest) < 2:
        return None
    namespace, plural, name, subresource = [*rest, "", ""][:4]
    return Place(namespace, plural, name, subresource)


def canary_of(where: Place, body: Object | None) -> str:
    """The Canary that an object belongs to, by the names that sluice gives its objects."""
    name = where.name or str(((body or {}).get("metadata") or {}).get("name", ""))
    if where.plural == "leases":
        return name.removeprefix(LEASE_PREFIX) if name.startswith(LEASE_PREFIX) else ""
    for suffix in OWN_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def act_of(method: str, path: str, content: bytes) -> Act | None:
    """The act that a writing request is; None for a reading one and for what is no act of a rollout."""
    where = place(path)
    if where is None or method not in {"POST", "PUT", "PATCH", "DELETE"}:
        return None
    body = parsed(content)
    canary = canary_of(where, body)
    what = _what(where, method, body)
    return Act(where.namespace, canary, what) if canary and what else None


def parsed(content: bytes) -> dict[str, Any]:
    """The object in a body; empty where there is none."""
    try:
        found = json.loads(content) if content else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _what(where: Place, method: str, body: Object) -> str:
    if method == "DELETE":
        return f"delete {where.plural}"
    known = KINDS.get(where.plural)
    return known(where, body) if known else ""


def _lease(_: Place, body: Object) -> str:
    spec = body.get("spec") or {}
    if not spec.get("holderIdentity"):
        return "release lease"
    return "take lease" if spec.get("acquireTime") == spec.get("renewTime") else "renew lease"


def _canary(where: Place, body: Object) -> str:
    return _journal(body.get("status") or {}) if where.subresource == "status" else "write canary"


def _journal(status: Object) -> str:
    phase, weight = status.get("phase"), status.get("canaryWeight")
    if phase is None:
        return "journal evidence"
    if status.get("rollbackReason"):
        return "journal rolling back"
    if phase != "Progressing":
        return f"journal {phase}"
    if "stepStarted" in status and "lastAppliedSpec" in status:
        return "begin"
    if weight is None:
        return "journal interval" if "stepStarted" in status else "journal check"
    return "journal step" if weight or "stepStarted" in status else "journal superseded"


def _route(where: Place, body: Object) -> str:
    if not (body.get("spec") or {}).get("rules"):
        return "mark route"
    if not where.name or (body.get("metadata") or {}).get("resourceVersion") is None:
        return "create route"
    weight = canary_weight(body)
    return f"route {weight}" if weight in {0, 100} else "route step"


def canary_weight(route: Object) -> int:
    """The weight of the backend whose name ends with `-canary`; 0 where there is none."""
    for rule in (route.get("spec") or {}).get("rules") or []:
        for backend in rule.get("backendRefs") or []:
            if str(backend.get("name", "")).endswith("-canary"):
                return int(backend.get("weight", 1))
    return 0


def _service(where: Place, body: Object) -> str:
    """A Service that names the target's pods is a switch: it is claimed as one, then its selector alone is changed."""
    spec, meta = body.get("spec") or {}, body.get("metadata") or {}
    if (meta.get("annotations") or {}).get(TARGET_PODS):
        return "claim apex service"
    if not spec:
        return "mark route"
    if "ports" in spec:
        return "apply service"
    home = all(str(pods).endswith("-primary") for pods in (spec.get("selector") or {}).values())
    return "switch apex home" if home else "switch apex to canary"


def _deployment(where: Place, body: Object) -> str:
    spec = body.get("spec") or {}
    pods = spec.get("replicas")
    return _primary(where, body) or _target(pods if pods is None else bool(pods), spec.get("paused"))


def _daemon_set(where: Place, body: Object) -> str:
    spec = body.get("spec") or {}
    selector = ((spec.get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
    strategy = spec.get("updateStrategy")
    frozen = None if strategy is None else strategy.get("type") == FROZEN
    return _primary(where, body) or _target(selector[AT_REST] != "true" if AT_REST in selector else None, frozen)


def _primary(where: Place, body: Object) -> str:
    """What is done to a workload that is not the target; empty for the target."""
    if canary_of(where, body) == (where.name or str((body.get("metadata") or {}).get("name", ""))):
        return ""
    return "apply primary" if "template" in (body.get("spec") or {}) else "mark primary"


def _target(pods: bool | None, frozen: bool | None) -> str:
    """What a target is given; None for what the write leaves as it is."""
    if frozen:
        return "freeze target"
    if pods is not None:
        return "scale target up" if pods else "scale target to 0"
    return "mark target" if frozen is None else "thaw target"


def _autoscaler(where: Place, body: Object) -> str:
    """The primary's is sluice's to write, the target's is its users'."""
    return "apply autoscaler" if where.name.endswith("-primary") else "write autoscaler"


KINDS: Mapping[str, Callable[[Place, Object], str]] = {
    "leases": _lease,
    "canaries": _canary,
    "httproutes": _route,
    "services": _service,
    "deployments": _deployment,
    "daemonsets": _daemon_set,
    "horizontalpodautoscalers": _autoscaler,
}
"""Plural → which act a write on one of its objects is."""
