"""Restore: give flags back that a kill switch turned off, each only where nobody else has changed it since. No stage."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sluice.errors import LostError, NotFoundError, SluiceError, TransientError
from sluice.flags.flag import restored
from sluice.manifests.flagger.kill_switch import SwitchedFlag
from sluice.rollout.journal import flags_entry
from sluice.rollout.kill_switch.giving_back import KEPT, Wanted, wanted, without
from tasks.people.leave_event import leave_event
from tasks.rollout.kill_switch.service import Switchboard, bounded
from tasks.scene.claim import claimed
from tasks.scene.rollout_ref import RolloutRef, Scene

CLAIMED_WITHIN = 30.0
"""Seconds to wait for the right to act on a Canary at rest: its keeper has it for moments."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of one flag.

    Attributes:
        said: in words, such as `given back`.
        kept: whether it is still off, or was left as somebody else has turned it.
    """

    key: str
    said: str
    kept: bool = False


async def restore(namespace: str, name: str, *, anyway: bool = False) -> list[Restored]:
    """Give back the flags of one Canary that are off by its kill switch; one that cannot be does not stop the others.

    Args:
        anyway: give a flag back although somebody else changed it since, or may have.

    Raises:
        NotFoundError: there is no such Canary.
        TransientError: a release is under way, or somebody else acts on the Canary.
    """
    ref, found = RolloutRef(namespace=namespace, name=name), []
    try:
        async with asyncio.timeout(CLAIMED_WITHIN) as patience, claimed(ref, "restore") as lease:
            patience.reschedule(None)
            scene = await Scene.of(ref)
            _refuse_under_way(scene)
            for entry in scene.canary.status.flags.off:
                lease.check()
                found.append(await _one(scene, entry, anyway=anyway))
    except TimeoutError as error:
        raise TransientError(f"somebody else acts on Canary {namespace}/{name}: try again in a moment") from error
    return found


def _refuse_under_way(scene: Scene) -> None:
    phase = scene.canary.status.phase
    if phase is not None and phase.in_progress:
        raise TransientError(
            f"a release of {scene.canary} is under way, which may be what a flag was turned off for: wait for its end, or "
            "cancel its run"
        )


async def _one(scene: Scene, entry: SwitchedFlag, *, anyway: bool) -> Restored:
    try:
        board = await Switchboard.of(scene.wired, entry.reference, entry.environment, scene.canary.namespace)
        flags = await board.found([entry.key], entry.reference)
        choice = wanted(entry, flags[entry.key], anyway=anyway)
        await _turned(scene, board, choice)
    except LostError:
        raise
    except NotFoundError as error:
        return Restored(entry.key, str(error), kept=True)
    except SluiceError as error:
        return Restored(entry.key, f"was not given back: {error}", kept=True)
    if choice.fate in KEPT:
        await leave_event(scene.canary, "FlagNotGivenBack", f"{entry.key}: {choice.fate}", warning=True)
        return Restored(entry.key, f"{choice.fate}: --anyway gives it back all the same", kept=True)
    journal = without(scene.canary.status.flags, [entry])
    await scene.write({"status": {"flags": flags_entry(journal)}})
    await leave_event(scene.canary, "FlagGivenBack", f"{entry.key} {choice.fate}")
    return Restored(entry.key, choice.fate)


async def _turned(scene: Scene, board: Switchboard, choice: Wanted) -> None:
    """Turn a flag as it was before, where that is to be done. What dies after it finds the flag as it was."""
    if choice.seen is None or choice.before is None:
        return
    scene.lease.check()
    entry = choice.entry
    wish = restored(choice.before)
    await bounded(board.service.turn(entry.key, entry.environment, wish, choice.seen), entry.reference)
