"""Where a pod template speaks of its own pods: affinities and spread constraints by the label that a copy has rewritten.

A primary whose anti-affinity still named the target's pods would share nodes with itself, and its canary would find none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnPods:
    """The label that selects a copy's pods.

    Attributes:
        label: its name.
        before: the values that stood for the workload which is copied.
        own: the copy's value.
        namespace: of all of them.
    """

    label: str
    before: frozenset[str]
    own: str
    namespace: str

    def select(self, selector: Object | None) -> None:
        """Have a label selector that named the copied workload's pods name the copy's; other applications stay in it."""
        labels = (selector or {}).get("matchLabels") or {}
        if labels.get(self.label) in self.before:
            labels[self.label] = self.own
        for one in (selector or {}).get("matchExpressions") or []:
            if one.get("key") == self.label and one.get("values"):
                one["values"] = [self.own if value in self.before else value for value in one["values"]]

    def place(self, pod: Object) -> None:
        """Have what places the pods of a template speak of the copy's own pods."""
        for one in pod.get("topologySpreadConstraints") or []:
            self.select(one.get("labelSelector"))
        for term in _terms(pod.get("affinity") or {}):
            namespaces = term.get("namespaces")
            if not namespaces or self.namespace in namespaces or term.get("namespaceSelector") is not None:
                self.select(term.get("labelSelector"))


def _terms(affinity: Object) -> Iterator[Object]:
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(kind) or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or []
        for preferred in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or []:
            yield preferred.get("podAffinityTerm") or {}
