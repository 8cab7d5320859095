"""Keeping: whether what a Canary brings forth is right, and putting it right. No stage: it goes on when no run does."""

from __future__ import annotations

import time
from typing import NoReturn

from blocks.connections import Connections
from blocks.kubernetes.writer import Writer
from blocks.leases.lease import Lease
from sluice.errors import InvalidError, SluiceError
from sluice.manifests.flagger.canary import Canary
from sluice.rollout.tending.conditions import Kept, kept
from tasks.scene.primary import UnknownPastError
from tasks.scene.revert import revert, tend_finalizer
from tasks.scene.rollout_ref import Scene
from tasks.scene.tend import tend

RIGHT = "what the Canary brings forth is as its manifest and its journal say"


class DiffersError(SluiceError):
    """Something would have to be written."""


def _refuse() -> NoReturn:
    raise DiffersError


async def is_right(wired: Connections, lease: Lease, canary: Canary, contested: str = "") -> bool:
    """Whether nothing would have to be written; found out by the same code that writes, up to its first write.

    Args:
        lease: the Canary's, whether or not it is held.
        contested: as for `put_right`.

    Raises:
        SluiceError: it cannot be put right now, and its people have been informed.
    """
    try:
        await _bring(Scene(wired, lease, canary, Writer(wired.cluster, wired.informers, _refuse, "")), contested)
    except DiffersError:
        return False
    return True


async def put_right(wired: Connections, lease: Lease, canary: Canary, contested: str = "") -> list[str]:
    """Bring it to what it is to be, under a lease that is held; returns the kinds and names of what was written.

    Args:
        contested: why it is not called right although it is: somebody else changes it again and again.

    Raises:
        SluiceError: it cannot be put right now; where a person has to help, the Canary's condition says so.
    """
    written: list[str] = []
    writer = Writer(wired.cluster, wired.informers, lease.check, lease.token, written.append)
    await _bring(Scene(wired, lease, canary, writer), contested)
    mine = f"{Canary.kind} {canary.name}"
    return list(dict.fromkeys(one for one in written if one != mine))


async def _bring(scene: Scene, contested: str) -> None:
    if scene.canary.metadata.deletion_timestamp:
        await revert(scene)
        return
    try:
        await tend_finalizer(scene)
        await tend(scene)
    except (InvalidError, UnknownPastError) as error:
        await _say(scene, Kept.REFUSED if isinstance(error, InvalidError) else Kept.LOST, str(error))
        raise
    reason, message = scene.lacks or (Kept.RIGHT, RIGHT)
    await _say(scene, Kept.CONTESTED if contested else reason, contested or message)


async def _say(scene: Scene, reason: Kept, message: str) -> None:
    patch = kept(scene.canary, time.time(), reason, message)
    if patch:
        await scene.canaries.write(scene.canary, patch)
