"""Which Gates have a say in a Canary's releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.gate import Gate


def reaches(namespace: str, namespaces: Sequence[str], canary: Canary, home: str) -> bool:
    """Whether an object of a namespace may have a say in another one's releases.

    Args:
        namespace: of the object.
        namespaces: those that it names; empty for its own.
        canary: whose releases.
        home: sluice's own namespace: what lies there is the platform team's. Elsewhere a team may stop itself alone.
    """
    if not namespaces or namespace != home:
        return canary.namespace == namespace and (not namespaces or _names(namespaces, namespace))
    return _names(namespaces, canary.namespace)


def _names(namespaces: Sequence[str], one: str) -> bool:
    return "*" in namespaces or one in namespaces


def has_labels(wanted: Mapping[str, str], canary: Canary) -> bool:
    """Whether a Canary has all of these labels."""
    return all(canary.metadata.labels.get(name) == value for name, value in wanted.items())


def may_reach(manifest: Mapping[str, Any], canary: Canary, home: str) -> bool:
    """Whether a Gate or Freeze that is not valid may be for a Canary, by as much of it as can be read."""
    meta, spec = manifest["metadata"], manifest.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    if spec.get("suspend") is True or meta.get("deletionTimestamp"):
        return False
    named, canaries = spec.get("namespaces"), spec.get("canaries")
    labels = canaries.get("matchLabels") if isinstance(canaries, Mapping) else None
    namespaces = [str(one) for one in named] if isinstance(named, list) else []
    reached = reaches(meta.get("namespace", ""), namespaces, canary, home)
    return reached and has_labels(labels if isinstance(labels, Mapping) else {}, canary)


def gates_for(gates: Iterable[Gate], canary: Canary, home: str) -> list[Gate]:
    """The Gates that have a say in a Canary's releases, in the order of their names."""
    return sorted(
        (
            gate
            for gate in gates
            if not gate.spec.suspend
            and not gate.metadata.deletion_timestamp
            and reaches(gate.namespace, gate.spec.namespaces, canary, home)
            and has_labels(gate.spec.canaries.match_labels, canary)
        ),
        key=lambda gate: gate.key,
    )
