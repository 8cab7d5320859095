"""What every kind of autoscaler can be given: a copy for the primary, and rest while the target has no pods.

The primary's is the target's under its own name, as in Flagger. All rules here are pure.
"""

from __future__ import annotations

import copy
from typing import Any, Protocol

from sluice.manifests.flagger.autoscaler_reference import AutoscalerReference
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.objects import MANAGED_BY, owner_of
from sluice.rollout.tending.difference import lacks

Object = dict[str, Any]


class Autoscaler(Protocol):
    """One kind of autoscaler.

    Attributes:
        api_version, kind, plural: where the API server has it.
        rests: whether it has to be asked to leave a target alone that has no pods; else it does so by itself.
    """

    @property
    def api_version(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def plural(self) -> str: ...

    @property
    def rests(self) -> bool: ...

    def copied(self, canary: Canary, reference: AutoscalerReference, source: Object) -> Object:
        """The spec of the primary's, made of the target's."""

    def rested(self, source: Object) -> Object | None:
        """The patch after which the target's leaves it without pods; None where it does."""

    def woken(self, source: Object) -> Object | None:
        """The patch after which it scales its target, as its owner wrote it; None where it does."""

    def awake(self, source: Object) -> bool:
        """Whether its controller has seen that it is to scale: before that it may take away what the target is given."""


def aimed_at_primary(canary: Canary, reference: AutoscalerReference, source: Object, least: str, most: str) -> Object:
    """The target's spec, for the primary and with the numbers that the Canary has for it.

    Args:
        least, most: what the kind calls the fewest and the most replicas.
    """
    spec: Object = copy.deepcopy(source["spec"])
    spec["scaleTargetRef"] = {**spec["scaleTargetRef"], "name": canary.primary}
    own = reference.primary_scaler_replicas
    if own and own.min_replicas is not None:
        spec[least] = own.min_replicas
    if own and own.max_replicas is not None:
        spec[most] = own.max_replicas
    return spec


def autoscaler_of(reference: AutoscalerReference) -> str:
    """Name of the primary's autoscaler."""
    return f"{reference.name}-primary"


def primary_autoscaler(row: Autoscaler, canary: Canary, reference: AutoscalerReference, source: Object) -> Object:
    """The manifest of the primary's autoscaler.

    Args:
        source: the target's, as the API server has it.
    """
    labels = source["metadata"].get("labels") or {}
    own = {name: value for name, value in labels.items() if not name.startswith("kustomize.toolkit.")}
    return {
        "apiVersion": row.api_version,
        "kind": row.kind,
        "metadata": {
            "name": autoscaler_of(reference),
            "namespace": canary.namespace,
            "labels": {**own, **MANAGED_BY},
            "ownerReferences": [owner_of(canary)],
        },
        "spec": row.copied(canary, reference, source),
    }


def wanted_autoscaler(
    row: Autoscaler, canary: Canary, reference: AutoscalerReference, source: Object, live: Object | None
) -> Object | None:
    """The manifest to apply; None where the live one lacks nothing of it."""
    manifest = primary_autoscaler(row, canary, reference, source)
    return manifest if live is None or any(lacks(manifest, live)) else None
