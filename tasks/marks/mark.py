"""Mark: show at the forge how a release goes. No release waits for that, and `reconcile` makes up for what failed."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import CANARY
from sluice.errors import InvalidError, TransientError
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.marked import Marked
from sluice.marks.due import Due, due, is_missing, is_settled, outdated
from sluice.marks.where import environment
from tasks.marks.forge import shown
from tasks.marks.sink import sent
from tasks.people.leave_event import leave_event
from tasks.scene.rollout_ref import RolloutRef
from tasks.stage import stage

log = logging.getLogger("sluice.marks")
LONGEST = 20.0
"""Seconds that marking one Canary may take: its next release waits for the run that does it."""


def is_wanted(ref: RolloutRef) -> bool:
    """Whether there is something of this Canary's releases that anybody wants to see outside; asks nobody."""
    wired = connections()
    known = wired.informers.known(CANARY, ref.name, ref.namespace)
    return known is not None and is_unsaid(wired, known)


def is_unsaid(wired: Connections, item: dict[str, Any]) -> bool:
    """Whether there is something to say of a Canary as the cluster has it."""
    status, forge = item.get("status") or {}, wanted(wired, item["metadata"].get("annotations") or {})
    sink = wired.marking.sink is not None
    return bool(forge and not is_settled(status)) or (sink and not is_settled(status, "sent"))


def wanted(wired: Connections, annotations: dict[str, str]) -> str:
    """What the forge is to call the place where a Canary releases; empty where nobody wants to see it there."""
    try:
        return environment(annotations, wired.marking.environment) if wired.forge is not None else ""
    except InvalidError as error:
        log.warning("nothing is marked: %s", error)
        return ""


@stage("mark", run_name="mark {ref}", delays=[])
async def mark(ref: RolloutRef) -> bool:
    """Show how the Canary's releases go now; False where that has to wait for `reconcile`."""
    wired = connections()
    try:
        async with asyncio.timeout(LONGEST):
            await bring(wired, ref)
    except TimeoutError:
        log.info("the marks of %s are left for later: not done within %g s", ref, LONGEST)
        return False
    except TransientError as error:
        log.info("the marks of %s are left for later: %s", ref, error)
        return False
    return True


async def bring(wired: Connections, ref: RolloutRef) -> None:
    """Bring all marks of a Canary to what holds now. It is read at its turn: a later state takes the earlier's place.

    Raises:
        TransientError: the forge, the registry or the cluster is away or asks to wait.
    """
    key = f"{ref.namespace}/{ref.name}"
    async with wired.marking.locks.setdefault(key, asyncio.Lock()), wired.marking.turns:
        found = await wired.cluster.find(CANARY, ref.name, ref.namespace)
        if found is None:
            return
        try:
            canary = Canary.parse(found)
        except InvalidError:
            return  # who mends it hears of it by its release
        await _say(wired, canary)


async def _say(wired: Connections, canary: Canary) -> None:
    """Say all of it: one who is away now keeps nothing from the other."""
    place, later = wanted(wired, canary.metadata.annotations), None
    for one in missing(wired, canary):
        record = canary.status.marked.get(one.revision) or Marked()
        acts = [partial(shown, environment=place)] if place and is_missing(canary, one, "mark") else []
        acts += [partial(sent)] if wired.marking.sink and is_missing(canary, one, "sent") else []
        for act in acts:
            before = record.refused
            try:
                record = await act(wired, canary, one, record)
            except TransientError as error:
                later = error
            else:
                await _keep(wired, canary, one, record, said=record.refused not in {"", before})
    if later is not None:
        raise later


def missing(wired: Connections, canary: Canary) -> list[Due]:
    """What is to be said and was not yet."""
    fields = ["mark"] if wanted(wired, canary.metadata.annotations) else []
    fields += ["sent"] if wired.marking.sink is not None else []
    return [one for one in due(canary) if any(is_missing(canary, one, what) for what in fields)]


async def _keep(wired: Connections, canary: Canary, one: Due, record: Marked, *, said: bool) -> None:
    """Write down what was said, next to the journal; a refusal is an Event on the Canary, once."""
    body: dict[str, Any] = {one.revision: record.model_dump(mode="json", by_alias=True)}
    body |= dict.fromkeys(outdated(canary))
    written = await wired.cluster.patch(
        CANARY, canary.name, canary.namespace, {"status": {"marked": body}}, subresource="status"
    )
    wired.informers.learn(CANARY, written)
    if not ((written.get("status") or {}).get("marked") or {}).get(one.revision):
        wired.marking.unkept[f"{canary.namespace}/{canary.name}"] = True
        raise InvalidError(
            f"{canary}: the cluster's definition of the kind does not keep status.marked: apply `sluice crds`"
        )
    if said:
        why = f"{record.version or one.revision} is not known in full outside: {record.refused}"
        await leave_event(canary, "NotMarked", why, warning=True)
