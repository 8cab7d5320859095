"""What the judge of a release saw, kept so that its verdict can be given again bit for bit, or by another policy."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from sluice.errors import InvalidError
from sluice.faults import faults
from sluice.judge.judgement import Judgement
from sluice.judge.policy import DEFAULT, Policy
from sluice.judge.sequential import Look, judge
from sluice.judge.state import JudgeState
from sluice.measures.objective import Objective
from sluice.replay.checks import Checks

_LOOK: TypeAdapter[Look] = TypeAdapter(Look)


class Recording(BaseModel):
    """One step of a release, or what one worker saw of it.

    Attributes:
        weight: the canary's share of the traffic, percent.
        state: the judge's memory before the first look.
        objectives: what it was judged by.
        interleave: the manifest's `analysis.interleave`.
        scrape_period: seconds between scrapes, by which the judge was patient.
        checks: how the manifest has checks made; None where it was not taken down.
        looks: those that changed the judge's memory, and the last one.
    """

    model_config = ConfigDict(frozen=True)
    weight: int
    state: JudgeState
    objectives: tuple[Objective, ...]
    interleave: bool = False
    scrape_period: float = DEFAULT.scrape_period
    checks: Checks | None = None
    looks: tuple[Look, ...] = ()

    def packed(self) -> str:
        """As one line of text: zlib, then base64."""
        return base64.b64encode(zlib.compress(self.model_dump_json().encode())).decode()

    @classmethod
    def unpacked(cls, text: str) -> Recording:
        """The opposite of `packed`.

        Raises:
            InvalidError: the text is no recording, or one of a version that sluice does not read.
        """
        try:
            return cls.model_validate_json(zlib.decompress(base64.b64decode(text, validate=True)))
        except (binascii.Error, zlib.error, ValidationError) as error:
            why = faults(error) if isinstance(error, ValidationError) else str(error)
            raise InvalidError(f"not a recording that this version reads: {why}") from error


class Recorder:
    """Takes down the looks of one step. It keeps text: a thousand rollouts at once have a hundred thousand looks."""

    def __init__(
        self,
        weight: int,
        state: JudgeState,
        objectives: Sequence[Objective],
        policy: Policy,
        checks: Checks | None = None,
    ) -> None:
        self._begin = Recording(
            weight=weight,
            state=state,
            objectives=tuple(objectives),
            interleave=policy.interleave,
            scrape_period=policy.scrape_period,
            checks=checks,
        )
        self._looks: list[bytes] = []
        self._idle: Look | None = None

    def note(self, look: Look, before: JudgeState, after: JudgeState) -> None:
        """Take down a look between two states of the memory; of those that only moved its clock the last is enough."""
        moved = {"looked": after.looked, "newest": after.newest}
        if not any(look.against_baseline.values()) and after == before.model_copy(update=moved):
            self._idle = look
            return
        self._looks.append(_LOOK.dump_json(look))
        self._idle = None

    def __len__(self) -> int:
        return len(self._looks)

    def packed(self) -> str:
        """The recording so far, see `Recording.packed`."""
        looks = tuple(_LOOK.validate_json(look) for look in self._looks)
        last = (self._idle,) if self._idle else ()
        return self._begin.model_copy(update={"looks": looks + last}).packed()


class Release(BaseModel):
    """A release as it is kept: in an artifact of its run, or in a file.

    Attributes:
        release: its Canary and version, as its run is named: `shop.test@1.2.0`.
        outcome: how it ended.
        recordings: its steps, packed, oldest first.
    """

    model_config = ConfigDict(frozen=True)
    release: str
    outcome: str
    recordings: tuple[str, ...]

    @classmethod
    def parse(cls, text: str | bytes) -> Release:
        """A release from its JSON.

        Raises:
            InvalidError: it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InvalidError("not a recorded release, as `sluice replay --save` writes one") from error

    @property
    def began(self) -> float:
        """When its version first could get traffic, seconds since the epoch; 0 where nothing is recorded."""
        return Recording.unpacked(self.recordings[0]).state.since if self.recordings else 0.0

    def steps(self) -> list[Recording]:
        """Its steps, oldest first.

        Raises:
            InvalidError: one is no recording, or of a version that sluice does not read.
        """
        return [Recording.unpacked(one) for one in self.recordings]


class Replayed(NamedTuple):
    """The judge's verdict at one look.

    Attributes:
        at: seconds since the epoch, by the provider's clock.
        weight: the canary's share of the traffic, percent.
    """

    at: float
    weight: int
    judgement: Judgement


def replay(recordings: Sequence[Recording], policy: Policy | None = None) -> Iterator[Replayed]:
    """The judge's verdict at each look of a release, once more; after a FAIL there is nothing to be said.

    Args:
        recordings: its steps, oldest first.
        policy: how sure the judge has to be; None for what it was.
    """
    state: JudgeState | None = None
    for recording in recordings:
        rules = (policy or replace(DEFAULT, interleave=recording.interleave)).paced(recording.scrape_period)
        # With the policy of then the memory is where the recording begins; a worker that died has left a gap, though.
        state = recording.state if state is None or policy is None else state
        for look in recording.looks:
            state, said = judge(state, recording.objectives, look, rules)
            yield Replayed(look.now, recording.weight, said)
            if state.failed:
                return
