"""Hands a namespace from Flux to sluice and back: who acts on its objects of Flux's kinds.

Only the metadata of those objects is written; what they applied, pods first of all, is not touched: sluice takes over the
inventories, fields and Helm releases of Flux as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from blocks.kubernetes.cluster import Cluster, Kind
from blocks.kubernetes.kinds import DEPLOYMENT, FLUX_KINDS
from sluice.errors import InvalidError
from sluice.manifests.beside_flux import RUN_BY, SHARD, SHARD_OF_SLUICE, run_by_sluice
from sluice.manifests.selector import Selector, selector

Object = dict[str, Any]
PART_OF_FLUX = "app.kubernetes.io/part-of=flux"
CONTROLLERS = {
    "source": "source-controller",
    "kustomize": "kustomize-controller",
    "helm": "helm-controller",
    "notification": "notification-controller",
}
IMAGES = {"ImageUpdateAutomation": "image-automation-controller"}
REFLECTOR = "image-reflector-controller"
_SELECTOR = re.compile(r"--watch-label-selector[= ](.+)")
_OWN_NAMESPACE = re.compile(r"--watch-all-namespaces=false")


@dataclass(frozen=True, slots=True)
class Controller:
    """One of Flux's controllers that runs.

    Attributes:
        name: of its kind, such as `kustomize-controller`.
        where: namespace and name of its Deployment.
        acts_on: labels of what it acts on.
        only_in: the one namespace that it acts in; empty for all.
    """

    name: str
    where: str
    acts_on: Selector
    only_in: str

    def would_act(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether it would act on such an object."""
        mine = controller_of(kind) == self.name
        return mine and self.only_in in {"", namespace} and self.acts_on.matches(labels)


@dataclass(frozen=True, slots=True)
class Move:
    """One object whose hands change: what it is, and the patch of its metadata."""

    kind: Kind
    item: Object
    patch: Object

    def __str__(self) -> str:
        return f"{self.kind.kind} {self.item['metadata']['namespace']}/{self.item['metadata']['name']}"


def controller_of(kind: Kind) -> str:
    """The controller of Flux that acts on a kind."""
    group = kind.api_version.partition(".")[0]
    return IMAGES.get(kind.kind, REFLECTOR) if group == "image" else CONTROLLERS[group]


async def migrate(cluster: Cluster, namespace: str, *, back: bool = False, dry_run: bool = False) -> list[Move]:
    """Hand all objects of Flux's kinds in a namespace to sluice, or back to Flux. Doing it twice changes nothing.

    Args:
        cluster: where.
        namespace: whose objects.
        back: to Flux.
        dry_run: only say what would be done.

    Returns:
        What was done.

    Raises:
        InvalidError: one of Flux's controllers would go on acting on an object; the message says which, and two ways out.
    """
    running = [] if back else list(controllers(await cluster.list_from(DEPLOYMENT, None, PART_OF_FLUX)))
    now = datetime.now(UTC)
    moves = []
    for kind in FLUX_KINDS:
        items, _ = await cluster.list_from(kind, namespace)
        for item in items:
            _check_free(kind, item, running)
            if patch := to_flux(item) if back else to_sluice(item, now):
                moves.append(Move(kind, item, patch))
    for move in moves if not dry_run else ():
        await cluster.patch(move.kind, move.item["metadata"]["name"], namespace, move.patch)
    return moves


def controllers(listed: tuple[Sequence[Object], str]) -> Iterator[Controller]:
    """The controllers of Flux that run, from their Deployments."""
    for item in listed[0]:
        if item["spec"].get("replicas", 1) == 0:
            continue
        meta, containers = item["metadata"], item["spec"]["template"]["spec"]["containers"]
        arguments = [
            str(each) for one in containers for each in (*(one.get("command") or ()), *(one.get("args") or ()))
        ]
        chosen = [found[1] for each in arguments if (found := _SELECTOR.search(each))]
        own = any(_OWN_NAMESPACE.search(each) for each in arguments)
        name = (meta.get("labels") or {}).get("app.kubernetes.io/component") or meta["name"]
        where = f"{meta['namespace']}/{meta['name']}"
        yield Controller(name, where, selector(chosen[-1] if chosen else ""), meta["namespace"] if own else "")


def to_sluice(item: Object, now: datetime) -> Object | None:
    """The patch that gives an object to sluice; None where it is sluice's already."""
    if _annotation(item).startswith("sluice") and _labels(item).get(SHARD) == SHARD_OF_SLUICE:
        return None
    return {"metadata": {"labels": {SHARD: SHARD_OF_SLUICE}, "annotations": {RUN_BY: run_by_sluice(now)}}}


def to_flux(item: Object) -> Object | None:
    """The patch that gives an object back to Flux; None where it is Flux's already."""
    mine = _labels(item).get(SHARD) == SHARD_OF_SLUICE
    if _annotation(item) == "flux" and not mine:
        return None
    return {"metadata": {"annotations": {RUN_BY: "flux"}} | ({"labels": {SHARD: None}} if mine else {})}


def _check_free(kind: Kind, item: Object, running: Sequence[Controller]) -> None:
    meta = item["metadata"]
    labels = _labels(item) | {SHARD: SHARD_OF_SLUICE}
    for each in running:
        if each.would_act(kind, meta["namespace"], labels):
            space, _, name = each.where.partition("/")
            raise InvalidError(
                f"{kind.kind} {meta['namespace']}/{meta['name']}: Flux's {each.name} ({each.where}) acts on it whatever its "
                f"label {SHARD} says. Start that with --watch-label-selector=!{SHARD}, so that it leaves labelled objects "
                f"alone, or end it: kubectl -n {space} scale deployment {name} --replicas=0. Nothing was changed."
            )


def _labels(item: Object) -> dict[str, str]:
    return item["metadata"].get("labels") or {}


def _annotation(item: Object) -> str:
    return str((item["metadata"].get("annotations") or {}).get(RUN_BY, ""))
