"""When a Kustomization that others depend on is ready for them, and whether they wait for each other."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.outcome import observed

Key = tuple[str, str]


def not_ready(one: Kustomization, dependency: Kustomization, revision: str) -> str:
    """Why a dependency is not ready; empty where it is.

    Args:
        one: that depends on it.
        dependency: as it is.
        revision: that the source of `one` is at: a dependency with the same source has to have applied it.
    """
    ready = find_condition(dependency.status.conditions, READY)
    if ready is None or ready.status != "True" or not observed(dependency):
        return "is not ready"
    if dependency.source == one.source and dependency.status.last_applied_revision != revision:
        return f"has not applied {revision} yet"
    return ""


def cycle(one: Kustomization, every: Iterable[Kustomization]) -> list[str]:
    """The names of a circle of dependencies that leads back to `one`, which is first and last; empty where none does."""
    needs = {(each.namespace, each.name): _needs(each) for each in every}
    start = (one.namespace, one.name)
    ways: list[list[Key]] = [[start]]
    met = set()
    while ways:
        way = ways.pop()
        for key in needs.get(way[-1], []):
            if key == start:
                return ["/".join(each) for each in (*way, start)]
            if key not in met:
                met.add(key)
                ways.append([*way, key])
    return []


def _needs(one: Kustomization) -> list[Key]:
    return [(each.namespace or one.namespace, each.name) for each in one.spec.depends_on]
