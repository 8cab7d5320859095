"""Health checks: wait until what a Kustomization applied is ready, or until it is clear that it will not be."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import NotFoundError, TerminalError
from sluice.manifests.flux.kustomization import GROUP, HealthCheckExpressions, Kustomization
from sluice.sync import record
from sluice.sync.health.base import Health, State
from sluice.sync.inventory import entry_id
from sluice.sync.kustomizations.health_checks import NEVER_CHECKED, health_by, releases, wanted
from sluice.sync.objects import ObjectId, identity
from tasks.sync.kustomizations.status import OvertakenError, Status, now
from tasks.sync.releases import release_of

Object = dict[str, Any]
FIRST_LOOK, SLOWEST_LOOK, SLOWER = 0.25, 5.0, 1.5
"""Seconds until the second look, and at most between two; each wait is longer than the one before by this factor."""
FEW = 3
"""Objects of one kind and namespace that are looked at one by one; more of them are listed."""
NAMED = 5


class Superseded(Exception):  # noqa: N818 - it is no error: another sync goes on
    """Another sync of the Kustomization has begun, and will say what came of it."""


@dataclass(frozen=True, slots=True)
class Check:
    """What is waited for.

    Attributes:
        objects: those that have to be ready.
        own: whether all of them bear the Kustomization's labels.
        expressions: users' own, by API version and kind.
        fleeting: of them, those that may be gone as soon as they are done.
        releases: of them, the Canaries whose release is waited for: those that are named.
    """

    objects: Sequence[ObjectId]
    own: bool
    expressions: Mapping[tuple[str, str], HealthCheckExpressions]
    fleeting: frozenset[ObjectId] = frozenset()
    releases: frozenset[ObjectId] = frozenset()

    @classmethod
    def of(
        cls, one: Kustomization, applied: Collection[ObjectId], fleeting: frozenset[ObjectId] = frozenset()
    ) -> Check:
        """What a Kustomization that has applied these waits for."""
        by = {(each.api_version, each.kind): each for each in one.spec.health_check_exprs}
        objects = [each for each in wanted(one, applied) if each.kind not in NEVER_CHECKED]
        return cls(objects, one.spec.wait, by, fleeting, frozenset(releases(one, applied)))


async def healthy(cluster: Cluster, status: Status, check: Check, revision: str) -> str:
    """Wait until all are ready; how long it took, as a sentence.

    Args:
        cluster: of the objects.
        status: of the Kustomization; it says meanwhile what is going on.
        check: what is waited for.
        revision: that was applied.

    Raises:
        Superseded: the Kustomization is applied by another sync, or was changed, suspended or deleted.
        TerminalError: one of them has failed, or patience is over; the message names them.
    """
    one, began = status.of, time.monotonic()
    patience = one.spec.patience
    message = f"Running health checks for revision {revision} with a timeout of {patience:g}s"
    try:
        await status.write(record.waiting(one, message, now(), resource_version=status.version))
    except OvertakenError as error:
        raise Superseded("another sync has begun") from error
    pause, seen = FIRST_LOOK, dict[ObjectId, Health]()
    while True:
        seen = await _look(cluster, check, one)
        bad = {each: found for each, found in seen.items() if found.state is State.FAILED}
        if bad:
            raise TerminalError(f"health check failed: {_named(bad)}")
        rest = {each: found for each, found in seen.items() if found.state is not State.CURRENT}
        spent = time.monotonic() - began
        if not rest:
            return f"Health check passed in {spent:.1f}s"
        if spent >= patience:
            raise TerminalError(f"health check failed after {patience:g}s: timeout waiting for: {_named(rest)}")
        await asyncio.sleep(min(pause, max(0.0, patience - spent)))
        pause = min(SLOWEST_LOOK, pause * SLOWER)
        await _still_ours(status, revision)


async def _still_ours(status: Status, revision: str) -> None:
    """Go no further where somebody else goes on; take note of what does not matter, such as a person's label."""
    found = await status.home.find(KUSTOMIZATION, status.of.name, status.of.namespace)
    if found is None:
        raise Superseded("it was deleted")
    now_is = Kustomization.parse(found)
    if now_is.metadata.resource_version == status.version:
        return
    same = (status.of.metadata.generation, revision, False)
    if (now_is.metadata.generation, now_is.status.last_attempted_revision, now_is.leaving) != same:
        raise Superseded("another sync has begun")
    status.of, status.version = now_is, now_is.metadata.resource_version


async def _look(cluster: Cluster, check: Check, one: Kustomization) -> dict[ObjectId, Health]:
    groups = defaultdict[tuple[str, str, str], list[ObjectId]](list)
    for each in check.objects:
        groups[each.api_version, each.kind, each.namespace].append(each)
    seen: dict[ObjectId, Health] = {}
    for (api_version, kind_name, namespace), members in groups.items():
        try:
            kind = await cluster.resource_for(api_version, kind_name)
        except NotFoundError as error:
            seen |= {each: Health(State.NOT_FOUND, str(error)) for each in members}
            continue
        found: dict[str, Object] = {}
        if listed := check.own and len(members) > FEW:
            labels = f"{GROUP}/name={one.name},{GROUP}/namespace={one.namespace}"
            found = {entry_id(identity(item)): item for item in await cluster.list(kind, namespace or None, labels)}
        for each in members:
            if entry_id(each) in found or (listed and each not in check.releases):
                continue
            if item := await cluster.find(kind, each.name, each.namespace or None):
                found[entry_id(each)] = item
        seen |= {
            each: health_by(found.get(entry_id(each)), check.expressions, each in check.fleeting) for each in members
        }
        for each in members:
            if each in check.releases and seen[each].state is State.CURRENT:
                seen[each] = await release_of(cluster, found[entry_id(each)])
    return seen


def _named(those: Mapping[ObjectId, Health]) -> str:
    some = [
        f"{each} status: '{found.state}'" + (f" ({found.why})" if found.why else "") for each, found in those.items()
    ]
    more = f" and {len(some) - NAMED} more" if len(some) > NAMED else ""
    return "; ".join(some[:NAMED]) + more
