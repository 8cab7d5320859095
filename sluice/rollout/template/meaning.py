"""What of a pod template matters: without what says nothing, and without what the API server writes by itself.

Clients write the same template in several ways (nulls, empty maps, a `creationTimestamp`), and each version of the API
server fills in the defaults that it knows. None of it is a change that anybody made, and none of it changes a pod.
Defaults are those of Kubernetes' own conversion (`pkg/apis/core/v1/defaults.go`). One that is not known here yet is no new
revision either: the journal remembers the target's generation (`Workload.revision`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class _Shape:
    """Part of a template.

    Attributes:
        defaults: fields that mean nothing where they have this value.
        parts: its fields that are parts themselves, or lists of them. All else is the users' own: names, labels, values.
        empties: fields that mean something where they are empty.
        mend: what else is the same, done in place.
    """

    defaults: Object = field(default_factory=dict)
    parts: dict[str, _Shape] = field(default_factory=dict)
    empties: frozenset[str] = frozenset()
    mend: Callable[[Object], None] = lambda _: None


def meaning(template: Any) -> Any:
    """What matters of a pod template, a new object."""
    return _meaning(template, _TEMPLATE)


def _meaning(value: Any, shape: _Shape) -> Any:
    if isinstance(value, list):
        return [_meaning(one, shape) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _meaning(inner, shape.parts.get(key, _PLAIN)) for key, inner in value.items()}
    kept = {
        key: inner
        for key, inner in kept.items()
        if not _is_empty(inner) or (key in shape.empties and inner is not None)
    }
    shape.mend(kept)
    return {key: inner for key, inner in kept.items() if not _same(inner, shape.defaults.get(key, _MISSING))}


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, dict | list) and not value)


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and value == default


def _pulled(reference: str, field_name: str) -> Callable[[Object], None]:
    """The pull policy that an image has where none is written: by its tag."""

    def mend(part: Object) -> None:
        name, digested, _ = str(part.get(reference, "")).partition("@")
        tag = name.rpartition("/")[2].partition(":")[2]
        newest = not digested and tag in {"", "latest"}
        if part.get(field_name) == ("Always" if newest else "IfNotPresent"):
            del part[field_name]

    return mend


def _pod(pod: Object) -> None:
    older = pod.pop("serviceAccount", None)  # the field's name of long ago, which the API server keeps equal
    if older is not None:
        pod.setdefault("serviceAccountName", older)
    if not pod.get("hostNetwork"):
        return
    for container in [*_objects(pod.get("containers")), *_objects(pod.get("initContainers"))]:
        for port in _objects(container.get("ports")):
            # Filled in up to Kubernetes 1.27, and no longer.
            if "hostPort" in port and port.get("hostPort") == port.get("containerPort"):
                del port["hostPort"]


def _volume(volume: Object) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}


def _objects(value: Any) -> list[Object]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_PLAIN = _Shape()
_FIELD = _Shape(parts={"fieldRef": _Shape({"apiVersion": "v1"}), "resourceFieldRef": _Shape({"divisor": "0"})})
_FILES = _Shape({"defaultMode": 420}, {"items": _FIELD})
_HTTP = _Shape({"scheme": "HTTP", "path": "/"})
_HANDLER = _Shape(parts={"httpGet": _HTTP})
_PROBE = _Shape(
    {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
    {"httpGet": _HTTP, "grpc": _Shape({"service": ""})},
)
_CONTAINER = _Shape(
    {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "stdin": False,
        "stdinOnce": False,
        "tty": False,
    },
    {
        "ports": _Shape({"protocol": "TCP", "hostPort": 0}),
        "env": _Shape({"value": ""}, {"valueFrom": _FIELD}),
        "livenessProbe": _PROBE,
        "readinessProbe": _PROBE,
        "startupProbe": _PROBE,
        "lifecycle": _Shape(parts={"postStart": _HANDLER, "preStop": _HANDLER}),
        "securityContext": _Shape({"procMount": "Default"}),
        "volumeMounts": _Shape({"readOnly": False, "mountPropagation": "None", "recursiveReadOnly": "Disabled"}),
    },
    mend=_pulled("image", "imagePullPolicy"),
)
_PROJECTED = _Shape(
    {"defaultMode": 420},
    {
        "sources": _Shape(
            parts={
                "serviceAccountToken": _Shape({"expirationSeconds": 3600}),
                "downwardAPI": _Shape(parts={"items": _FIELD}),
            }
        )
    },
)
_VOLUME = _Shape(
    parts={
        "secret": _FILES,
        "configMap": _FILES,
        "downwardAPI": _FILES,
        "projected": _PROJECTED,
        "hostPath": _Shape({"type": ""}),
        "image": _Shape(mend=_pulled("reference", "pullPolicy")),
        "iscsi": _Shape({"iscsiInterface": "default"}),
        "rbd": _Shape({"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}),
        "azureDisk": _Shape({"cachingMode": "ReadWrite", "fsType": "ext4", "kind": "Shared", "readOnly": False}),
        "scaleIO": _Shape({"storageMode": "ThinProvisioned", "fsType": "xfs"}),
        "ephemeral": _Shape(
            parts={"volumeClaimTemplate": _Shape(parts={"spec": _Shape({"volumeMode": "Filesystem"})})}
        ),
    },
    empties=frozenset({"emptyDir"}),
    mend=_volume,
)
_SELECTING = frozenset({"labelSelector", "namespaceSelector"})
"""An empty selector selects all, none selects nothing or where it is."""
_TERM = _Shape(empties=_SELECTING)
_RULES = _Shape(
    parts={
        "requiredDuringSchedulingIgnoredDuringExecution": _TERM,
        "preferredDuringSchedulingIgnoredDuringExecution": _Shape(parts={"podAffinityTerm": _TERM}),
    }
)
_POD = _Shape(
    {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "hostUsers": True,
        "shareProcessNamespace": False,
        "setHostnameAsFQDN": False,
    },
    {
        "containers": _CONTAINER,
        "initContainers": _CONTAINER,
        "volumes": _VOLUME,
        "affinity": _Shape(parts={"podAffinity": _RULES, "podAntiAffinity": _RULES}),
        "tolerations": _Shape({"operator": "Equal"}),
        "topologySpreadConstraints": _Shape(
            {"nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore", "minDomains": 1}, empties=_SELECTING
        ),
    },
    mend=_pod,
)
_TEMPLATE = _Shape(
    parts={"metadata": _Shape(mend=lambda meta: meta.pop("creationTimestamp", None) and None), "spec": _POD}
)
