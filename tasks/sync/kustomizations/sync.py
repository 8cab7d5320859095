"""Sync: render a directory of a source, apply it server-side, prune what left it, and write down what was done."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import ConflictError, NotFoundError
from sluice.manifests.flux.kustomization import Kustomization
from tasks.stage import stage
from tasks.sync.followers.base import Due
from tasks.sync.kustomizations.attempt import Attempt
from tasks.sync.kustomizations.status import OvertakenError, Status
from tasks.sync.kustomizations.synced import Synced

TRIES = 5
"""How often one sync begins once more because somebody wrote to the Kustomization in the middle of it."""
_turns: WeakValueDictionary[tuple[int, str], asyncio.Lock] = WeakValueDictionary()
"""One sync of a Kustomization applies at a time in this process. Between processes the fence of its status decides."""


@stage("sync", run_name="sync {due}")
async def sync_kustomization(due: Due) -> Synced:
    """Bring the cluster to what the source says now. Idempotent; a sync that died is due again.

    Raises:
        InvalidError: the source cannot be rendered or an object is refused; the message names it.
        ConflictError: somebody writes to the Kustomization all the time.
        TransientError: the cluster does not answer, or it takes longer than `spec.timeout`.
    """
    reapply = due.reapply
    for _ in range(TRIES):
        try:
            return await _once(connections(), due, reapply)
        except OvertakenError as error:
            # Another sync, or a person. What we wrote before we found out may have come after what the other wrote, so
            # all of it is applied once more, as it is wanted now.
            overtaken, reapply = error, True
        except NotFoundError:
            if await connections().cluster.find(KUSTOMIZATION, due.name, due.namespace) is None:
                return Synced(note="it was deleted")
            raise
    raise ConflictError(str(overtaken))


async def _once(wired: Connections, due: Due, reapply: bool) -> Synced:
    async with _turn(f"{due.namespace}/{due.name}"):
        manifest = await wired.cluster.get(KUSTOMIZATION, due.name, due.namespace)
        kustomization = Kustomization.parse(manifest)
        if kustomization.leaving or kustomization.spec.suspend:
            return Synced(note="it is suspended" if kustomization.spec.suspend else "it is being deleted")
        attempt = Attempt(wired, Status.read_from(wired.cluster, kustomization), reapply)
        early = await attempt.apply()
    # Others may apply a newer revision while this one waits for what it has applied to become ready.
    return early or await attempt.finish()


def _turn(name: str) -> asyncio.Lock:
    key = (id(asyncio.get_running_loop()), name)
    lock = _turns.get(key)
    if lock is None:
        lock = _turns[key] = asyncio.Lock()
    return lock
