"""Which objects a Kustomization's health depends on, and how each is read where users say so themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sluice.errors import InvalidError
from sluice.expressions import holds_of, refuse
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.flux.kustomization import HealthCheckExpressions, Kustomization
from sluice.sync.health import health_of
from sluice.sync.health.base import READY, Health, State, broken, working
from sluice.sync.objects import ObjectId

Object = dict[str, Any]
NEVER_CHECKED = frozenset(
    {
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "NetworkPolicy",
        "LimitRange",
        "ResourceQuota",
        "PriorityClass",
        "StorageClass",
        "IngressClass",
    }
)
"""Kinds that are ready as soon as they are there: an apply that was answered says all."""


def wanted(one: Kustomization, applied: Collection[ObjectId]) -> list[ObjectId]:
    """The objects that have to be ready before the Kustomization is; it does not wait for itself.

    With `wait` these are all that were applied, and as in Flux no others; but a Canary that is named stays named.
    """
    every: Iterable[ObjectId] = [*applied, *releases(one, applied)] if one.spec.wait else _named(one, applied)
    itself = (Kustomization.kind, one.namespace, one.name)
    return [each for each in dict.fromkeys(every) if (each.kind, each.namespace, each.name) != itself]


def releases(one: Kustomization, applied: Collection[ObjectId]) -> list[ObjectId]:
    """The Canaries among what is named: they are waited for with their releases."""
    group = Canary.api_version.partition("/")[0]
    return [each for each in _named(one, applied) if (each.group, each.kind) == (group, Canary.kind)]


def health_by(
    item: Object | None, expressions: Mapping[tuple[str, str], HealthCheckExpressions], fleeting: bool = False
) -> Health:
    """How an object is, by its user's own expressions where there are some for its kind.

    Args:
        item: the object; None where it is not there.
        expressions: by API version and kind.
        fleeting: it may be gone as soon as it is done.

    Raises:
        InvalidError: an expression is not valid.
    """
    if item is None:
        return READY if fleeting else Health(State.NOT_FOUND, "it is not there")
    own = expressions.get((str(item.get("apiVersion")), str(item.get("kind"))))
    return health_of(item) if own is None else by_expressions(item, own)


def refuse_expressions(expressions: Iterable[HealthCheckExpressions]) -> None:
    """Go no further where one of them is not valid, before anything is applied.

    Raises:
        InvalidError: it is not; the message names its field.
    """
    for at, each in enumerate(expressions):
        for name, expression in (("current", each.current), ("inProgress", each.in_progress), ("failed", each.failed)):
            if not expression:
                continue
            try:
                refuse(expression)
            except InvalidError as error:
                raise InvalidError(f"spec.healthCheckExprs[{at}].{name}: {error}") from error


def by_expressions(item: Object, own: HealthCheckExpressions) -> Health:
    """How an object is by its user's expressions, in the order of Flux's RFC 9: in progress (also where a generation is not
    observed yet), failed, current; else in progress.
    """
    seen, generation = (item.get("status") or {}).get("observedGeneration"), item["metadata"].get("generation")
    if isinstance(seen, int) and isinstance(generation, int) and seen != generation:
        return working(f"generation {generation} is not observed yet, {seen} is")
    if own.in_progress and holds_of(own.in_progress, item):
        return working(f"by {own.in_progress}")
    if own.failed and holds_of(own.failed, item):
        return broken(f"by {own.failed}")
    return READY if holds_of(own.current, item) else working(f"not yet {own.current}")


def _named(one: Kustomization, applied: Collection[ObjectId]) -> list[ObjectId]:
    found = []
    for check in one.spec.health_checks:
        like = next((each for each in applied if (each.kind, each.name) == (check.kind, check.name)), None)
        api_version = check.api_version or (like.api_version if like else "v1")
        group, _, version = api_version.rpartition("/")
        namespace = check.namespace or (like.namespace if like else "")
        found.append(ObjectId(group=group, version=version, kind=check.kind, namespace=namespace, name=check.name))
    return found
