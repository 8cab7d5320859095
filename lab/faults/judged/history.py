"""What happened in the cluster, in the cluster's own order, as plain facts: the observer writes it, the laws read it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]
Facts = dict[str, Any]
AT_REST = frozenset({"Initialized", "Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class Moment:
    """One object as it was from this version on.

    Attributes:
        version: the resourceVersion of the change.
        at: when the observer learnt of it, seconds since the epoch.
        facts: what the laws want to know of it; empty where the object is gone.
    """

    version: int
    at: float
    plural: str
    name: str
    facts: Facts


@dataclass
class History:
    """All moments of one namespace.

    Attributes:
        gaps: times at which a watch had to begin anew and changes may have been missed.
    """

    gaps: list[float] = field(default_factory=list)
    _by_object: dict[tuple[str, str], list[Moment]] = field(default_factory=lambda: defaultdict(list))

    def add(self, moment: Moment) -> None:
        """Take in a change; one that is no change is left out."""
        line = self._by_object[(moment.plural, moment.name)]
        if line and (moment.version <= line[-1].version or moment.facts == line[-1].facts):
            return
        line.append(moment)

    def of(self, plural: str, name: str, since: int = 0) -> list[Moment]:
        """The moments of one object after a version, in order."""
        return [one for one in self._by_object.get((plural, name), ()) if one.version > since]

    def names(self, plural: str) -> list[str]:
        """The objects of a kind that were ever seen."""
        return [name for kind, name in self._by_object if kind == plural]

    def at(self, plural: str, name: str, version: int) -> Facts:
        """The facts of an object as they were right after this version; empty where it was not there."""
        line = self._by_object.get((plural, name), [])
        index = bisect_right(line, version, key=lambda one: one.version)
        return line[index - 1].facts if index else {}

    def now(self, plural: str, name: str) -> Facts:
        """The newest facts."""
        line = self._by_object.get((plural, name))
        return line[-1].facts if line else {}

    def newest(self) -> int:
        """The newest version seen."""
        return max((line[-1].version for line in self._by_object.values() if line), default=0)

    def forget_pods(self) -> None:
        """Drop what rounds leave behind in numbers: nobody asks about a pod of an earlier round."""
        for key in [key for key in self._by_object if key[0] == "pods"]:
            if not self._by_object[key][-1].facts:
                del self._by_object[key]


def facts_of(plural: str, item: Object) -> Facts:
    """The facts of an object."""
    return FACTS[plural](item)


def _canary(item: Object) -> Facts:
    status = item.get("status") or {}
    promoted: Object = next((one for one in status.get("conditions") or [] if one.get("type") == "Promoted"), {})
    return {
        "phase": status.get("phase", ""),
        "weight": status.get("canaryWeight", 0),
        "step": status.get("step", 0),
        "failed": status.get("failedChecks", 0),
        "rollback reason": status.get("rollbackReason") or "",
        "applied": status.get("lastAppliedSpec", ""),
        "promoted": status.get("lastPromotedSpec", ""),
        "said": promoted.get("message", ""),
    }


def _route(item: Object) -> Facts:
    weights: dict[str, int] = {}
    for rule in (item.get("spec") or {}).get("rules") or []:
        for backend in rule.get("backendRefs") or []:
            weights[str(backend["name"]).rpartition("-")[2]] = int(backend.get("weight", 1))
    return {"weights": weights}


def _deployment(item: Object) -> Facts:
    spec, status = item["spec"], item.get("status") or {}
    template = spec["template"]
    return {
        "tag": str(template["spec"]["containers"][0]["image"]).rpartition(":")[2],
        "round": (template["metadata"].get("annotations") or {}).get("faults/round", ""),
        "replicas": spec.get("replicas", 1),
        "paused": bool(spec.get("paused")),
        "ready": status.get("readyReplicas", 0),
        "updated": status.get("updatedReplicas", 0),
        "all": status.get("replicas", 0),
        "observed": status.get("observedGeneration", 0) >= item["metadata"].get("generation", 0),
    }


def _slice(item: Object) -> Facts:
    ready = [
        address
        for endpoint in item.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready", True)
        for address in endpoint.get("addresses") or []
    ]
    labels = item["metadata"].get("labels") or {}
    return {"service": labels.get("kubernetes.io/service-name", ""), "ready": sorted(ready)}


def _pod(item: Object) -> Facts:
    status = item.get("status") or {}
    conditions = {one["type"]: one["status"] for one in status.get("conditions") or []}
    containers = status.get("containerStatuses") or [{}]
    return {
        "app": (item["metadata"].get("labels") or {}).get("app", ""),
        "uid": item["metadata"].get("uid", ""),
        "tag": str(item["spec"]["containers"][0]["image"]).rpartition(":")[2],
        "address": status.get("podIP", ""),
        "ready": conditions.get("Ready") == "True",
        "restarts": containers[0].get("restartCount", 0),
        "leaving": "deletionTimestamp" in item["metadata"],
    }


FACTS = {
    "canaries": _canary,
    "httproutes": _route,
    "deployments": _deployment,
    "endpointslices": _slice,
    "pods": _pod,
}
"""Plural of each kind that is observed → how its facts are read."""
