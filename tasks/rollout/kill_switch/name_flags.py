"""Which flags came with a revision, by its target's annotations and its image's commits: read while its pods come up.

By then nothing is bad yet, and nobody waits. What cannot be read names no flag, and the journal says why, once. The flag
service is asked as well: a repository of flags has to be here already when they are to go off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from sluice.errors import SluiceError, reason_of
from sluice.manifests.flagger.kill_switch import NamedFlag
from sluice.manifests.flagger.phase import Phase
from sluice.rollout.journal import entry, flags_entry
from sluice.rollout.kill_switch.named import annotated, named
from sluice.rollout.kill_switch.rules import switch_of
from tasks.rollout.kill_switch.commits import flags_of_commits
from tasks.scene.rollout_ref import RolloutRef, Scene

LONGEST = 15.0
"""Seconds that reading may take, registry and repository included."""

MEETING = 1.0
"""Seconds for which a release waits for the flag service's first answer, where its pods came up sooner."""


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
    reading, meeting = asyncio.create_task(_read(scene)), asyncio.create_task(_meet(scene))
    try:
        yield reading
        await asyncio.wait({meeting}, timeout=MEETING)
    except BaseException:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        raise
    finally:
        meeting.cancel()
        await asyncio.gather(meeting, return_exceptions=True)


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


async def _meet(scene: Scene) -> None:
    """Ask the flag service for one flag, so that its first answer is none that users wait for. Its faults are for then."""
    switch = switch_of(scene.canary)
    keys = [one.key for one in named(scene.canary)] or ["sluice"]
    if switch is not None:
        with suppress(SluiceError):
            service = await scene.wired.flags(switch.service, scene.canary.namespace)
            await service.flag(keys[0], switch.meets)


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
