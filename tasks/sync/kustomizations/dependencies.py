"""Dependencies: what a Kustomization waits for before it is applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import InvalidError
from sluice.expressions import holds
from sluice.manifests.flux.kustomization import Dependency, Kustomization
from sluice.sync import record
from sluice.sync.kustomizations.dependencies import cycle, not_ready

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unmet:
    """Why a Kustomization cannot be applied yet.

    Attributes:
        why: one sentence.
        reason: of its Ready condition.
        for_good: whether waiting is of no use before somebody changes a manifest.
    """

    why: str
    reason: str = record.NOT_READY
    for_good: bool = False


async def unmet(home: Cluster, one: Kustomization, revision: str) -> Unmet | None:
    """The first dependency that is not met; None where all are.

    Args:
        home: the cluster of the Kustomizations.
        one: the Kustomization.
        revision: of its source, which dependencies with the same source have to have applied.
    """
    for dependency in one.spec.depends_on:
        namespace = dependency.namespace or one.namespace
        found = await home.find(KUSTOMIZATION, dependency.name, namespace)
        try:
            why = await _why_not(home, one, dependency, found, revision)
        except InvalidError as error:
            return Unmet(f"spec.dependsOn readyExpr of {dependency.name!r}: {error}", record.INVALID_EXPRESSION, True)
        if why:
            return await _cycle(home, one) or Unmet(f"dependency '{namespace}/{dependency.name}' {why}")
    return None


async def _why_not(
    home: Cluster, one: Kustomization, dependency: Dependency, found: Object | None, revision: str
) -> str:
    if found is None:
        return "does not exist"
    if not dependency.ready_expr:
        return not_ready(one, Kustomization.parse(found), revision)
    itself = await home.get(KUSTOMIZATION, one.name, one.namespace)
    return "" if holds(dependency.ready_expr, {"self": itself, "dep": found}) else "is not ready by its readyExpr"


async def _cycle(home: Cluster, one: Kustomization) -> Unmet | None:
    """Those that wait for each other would wait for ever."""
    every = Kustomization.valid(await home.list(KUSTOMIZATION))
    names = cycle(one, every)
    if not names:
        return None
    return Unmet(f"spec.dependsOn is a circle: {' → '.join(names)}: take one of them out", for_good=True)
