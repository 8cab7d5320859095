"""Sync: render a directory of a source, apply it server-side, prune what left it, and write down what was done."""

from __future__ import annotations

from blocks.connections import Connections, connections
from blocks.kubernetes.kinds import KUSTOMIZATION
from sluice.errors import ConflictError, NotFoundError
from sluice.manifests.flux.kustomization import Kustomization
from tasks.stage import stage
from tasks.sync.followers.base import Due
from tasks.sync.kustomizations.attempt import Attempt
from tasks.sync.kustomizations.status import OvertakenError, Status
from tasks.sync.kustomizations.synced import Synced
from tasks.sync.kustomizations.turns import turn

TRIES = 5
"""How often one sync begins once more because somebody wrote to the Kustomization in the middle of it."""


@stage("sync", run_name="sync {due}")
async def sync_kustomization(due: Due) -> Synced:
    """Bring the cluster to what the source says now. Idempotent; a sync that died is due again.

    Raises:
        InvalidError: the source cannot be rendered or an object is refused; the message names it.
        ConflictError: somebody writes to the Kustomization all the time.
        TransientError: the cluster does not answer, or it takes longer than `spec.timeout`.
    """
    reapply, tried = due.reapply, list[Attempt]()
    for _ in range(TRIES):
        try:
            return await _once(connections(), due, reapply, tried)
        except OvertakenError as error:
            # Another sync, or a person. What we wrote before we found out may have come after what the other wrote, so
            # all of it is applied once more, as it is wanted now.
            overtaken, reapply = error, True
        except NotFoundError:
            if await connections().cluster.find(KUSTOMIZATION, due.name, due.namespace) is None:
                return await _gone(tried, "it was deleted")
            raise
    raise ConflictError(str(overtaken))


async def _once(wired: Connections, due: Due, reapply: bool, tried: list[Attempt]) -> Synced:
    async with turn(f"{due.namespace}/{due.name}"):
        manifest = await wired.cluster.get(KUSTOMIZATION, due.name, due.namespace)
        kustomization = Kustomization.parse(manifest)
        if not wired.cluster.acts_on(KUSTOMIZATION, manifest):
            return Synced(note="it is left to Flux")
        if kustomization.leaving:
            return await _gone(tried, "it is being deleted")
        if kustomization.spec.suspend:
            return Synced(note="it is suspended")
        tried.append(Attempt(wired, Status.read_from(wired.cluster, kustomization), reapply, due.source))
        early = await tried[-1].apply()
    # Others may apply a newer revision while this one waits for what it has applied to become ready.
    return early or await tried[-1].finish()


async def _gone(tried: list[Attempt], note: str) -> Synced:
    """It was deleted while we wrote: what came after the clean-up of another process is cleaned up here."""
    for attempt in tried:
        await attempt.undo()
    return Synced(note=note)
