"""Which flags came with a revision, by its target's annotations and its image's commits: read while its pods come up.

By then nothing is bad yet, and nobody waits. What cannot be read names no flag, and the journal says why, once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sluice.errors import SluiceError, reason_of
from sluice.manifests.flagger.kill_switch import NamedFlag
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.journal import entry, flags_entry
from sluice.rollout.kill_switch.named import annotated
from sluice.rollout.kill_switch.rules import switch_of
from tasks.rollout.kill_switch.commits import flags_of_commits
from tasks.scene.rollout_ref import RolloutRef, Scene

LONGEST = 15.0
"""Seconds that reading may take, registry and repository included."""


@dataclass(frozen=True, slots=True)
class Names:
    """What was found.

    Attributes:
        silent: why a source that was to be asked says nothing.
    """

    flags: tuple[NamedFlag, ...] = ()
    silent: str = ""


@asynccontextmanager
async def naming(scene: Scene, ref: RolloutRef) -> AsyncIterator[asyncio.Task[Names] | None]:
    """Read the names next to what the block does; None where they are known, or nobody wants them."""
    journal = scene.canary.status.flags.of(ref.revision)
    if switch_of(scene.canary) is None or journal.named_at:
        yield None
        return
    reading = asyncio.create_task(_read(scene))
    try:
        yield reading
    except BaseException:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        raise


async def note_named(scene: Scene, ref: RolloutRef, reading: asyncio.Task[Names] | None) -> None:
    """Write the names into the journal, where they were read."""
    if reading is None:
        return
    names = await reading
    journal = scene.canary.status.flags.of(ref.revision)
    update = {"named": names.flags, "silent": names.silent, "named_at": time.time()}
    phase = scene.canary.status.phase or Phase.PROGRESSING
    flags = flags_entry(journal.model_copy(update=update))
    await scene.write(entry(scene.canary, time.time(), phase, flags=flags))


async def _read(scene: Scene) -> Names:
    target = await scene.canaries.target(scene.canary)
    template = target["spec"]["template"].get("metadata") or {}
    by = f"{scene.workload.kind} {scene.canary.target}"
    annotations = [target["metadata"].get("annotations") or {}, template.get("annotations") or {}]
    flags = tuple(flag for one in annotations for flag in annotated(one, by))
    switch = switch_of(scene.canary)
    if switch is None or switch.trailers is None:
        return Names(flags)
    try:
        async with asyncio.timeout(LONGEST):
            return Names((*flags, *await flags_of_commits(scene, switch.trailers, target)))
    except TimeoutError:
        return Names(flags, f"the commits were not read within {LONGEST:g} s")
    except SluiceError as error:
        return Names(flags, reason_of(error))
