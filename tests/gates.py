"""Gates, freezes and records as people write them, for tests."""

from __future__ import annotations

from itertools import count
from typing import Any

from sluice.manifests.own.audit_record import ASKS
from sluice.manifests.own.gate import KINDS
from tests.samples import NAME, NAMESPACE

_numbers = count(1)
Object = dict[str, Any]


def gate_object(name: str = "four-eyes", at: tuple[str, ...] = ("confirm-rollout",), **spec: Any) -> Object:
    """A Gate; open to anybody's approval where no kind is given."""
    kind = spec if set(spec) & set(KINDS) else {"approval": {}, **spec}
    return {
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "Gate",
        "metadata": {"name": name, "namespace": NAMESPACE, "generation": 1},
        "spec": {"at": list(at), **kind},
    }


def record_object(act: str, by: str = "alice", **spec: Any) -> Object:
    """A record by which somebody asks for something."""
    return {
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "AuditRecord",
        "metadata": {"name": f"{act}-{next(_numbers)}", "namespace": NAMESPACE, "labels": {ASKS: "true"}},
        "spec": {"act": act, "by": by, "canary": NAME, **spec},
    }


def freeze_object(name: str = "year-end", **spec: Any) -> Object:
    """A Freeze of everything in the namespace."""
    return {
        "apiVersion": "sluice.dev/v1alpha1",
        "kind": "Freeze",
        "metadata": {"name": name, "namespace": NAMESPACE, "generation": 1},
        "spec": spec,
    }
