"""What a request to the API server means to a rollout: which Canary it is about, and which act of its story it is.

Boundary faults are planned in these words ("before the route goes to 100"), and the log of writes is read in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

Object = Mapping[str, Any]
LEASE_PREFIX = "sluice-"
OWN_SUFFIXES = ("-primary", "-canary")

BOUNDARIES = (
    "begin",
    "journal Waiting",
    "scale target up",
    "journal step",
    "route step",
    "journal evidence",
    "journal WaitingPromotion",
    "hold target",
    "journal Promoting",
    "route 100",
    "apply primary",
    "route 0",
    "journal Finalising",
    "scale target to 0",
    "journal Succeeded",
    "journal rolling back",
    "journal Failed",
    "journal Initializing",
    "apply service",
    "create route",
    "journal Initialized",
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
    match where.plural:
        case "leases":
            return _lease(body)
        case "canaries":
            return _journal(body.get("status") or {}) if where.subresource == "status" else "write canary"
        case "httproutes":
            return _route(where, body)
        case "deployments":
            return _deployment(where, body)
        case "services":
            return "apply service"
        case _:
            return ""


def _lease(body: Object) -> str:
    spec = body.get("spec") or {}
    if not spec.get("holderIdentity"):
        return "release lease"
    return "take lease" if spec.get("acquireTime") == spec.get("renewTime") else "renew lease"


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
    if weight:
        return "journal step"
    return "journal superseded" if weight == 0 else "journal check"


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


def _deployment(where: Place, body: Object) -> str:
    spec = body.get("spec") or {}
    if canary_of(where, body) != (where.name or str((body.get("metadata") or {}).get("name", ""))):
        return "apply primary" if "template" in spec else "mark primary"
    if spec.get("paused"):
        return "hold target"
    if "replicas" in spec:
        return "scale target up" if spec["replicas"] else "scale target to 0"
    return "mark target"
