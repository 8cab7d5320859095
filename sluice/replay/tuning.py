"""What a judge would have said of past releases: how many good ones it rolls back, and how soon it sees bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from sluice.errors import InvalidError
from sluice.judge.verdict import Verdict
from sluice.replay.judges import Judge
from sluice.replay.recording import Recording, Release
from sluice.rollout.decision import Outcome


@dataclass(frozen=True, slots=True)
class Tried:
    """What one judge says of past releases.

    Attributes:
        kind: of the judge, a key of `JUDGES`.
        judge: the judge.
        good, rolled_back: releases that were promoted, and those of them that it rolls back.
        bad, seen: releases that were rolled back, and those of them that it rolls back.
        too_short: further ones of them whose recording ends before this judge could have rolled them back.
        median_s: median of the seconds from a release's beginning until it does; None where it sees none.
    """

    kind: str
    judge: Judge
    good: int
    rolled_back: int
    bad: int
    seen: int
    too_short: int
    median_s: float | None

    @property
    def false_alarms(self) -> float:
        """The share of good releases that it rolls back; 0 where there is none."""
        return self.rolled_back / self.good if self.good else 0.0


def tried(releases: Sequence[Release], judges: Sequence[tuple[str, Judge]]) -> Iterator[Tried]:
    """Each judge on all releases.

    Raises:
        InvalidError: no release was promoted or rolled back, so that nothing is known to be good or bad.
    """
    good = [one.steps() for one in releases if one.outcome == Outcome.PROMOTED]
    bad = [one.steps() for one in releases if one.outcome == Outcome.ROLLED_BACK]
    if not good and not bad:
        raise InvalidError(
            "none of the releases was promoted or rolled back; say which a past one was with "
            "sluice replay --outcome promoted --save FILE"
        )
    for kind, judge in judges:
        seen = [(_rolled_back(one, judge), _length(one)) for one in bad]
        soon = [after for after, _ in seen if after is not None]
        yield Tried(
            kind,
            judge,
            good=len(good),
            rolled_back=sum(_rolled_back(one, judge) is not None for one in good),
            bad=len(bad),
            seen=len(soon),
            too_short=sum(after is None and length < judge.earliest for after, length in seen),
            median_s=median(soon) if soon else None,
        )


def _rolled_back(recordings: Sequence[Recording], judge: Judge) -> float | None:
    """Seconds from the beginning until the judge rolls the release back; None where it does not."""
    for said in judge.judge(recordings):
        if said.judgement.verdict is Verdict.FAIL:
            return said.at - recordings[0].state.since
    return None


def _length(recordings: Sequence[Recording]) -> float:
    """Seconds from the beginning to the last look."""
    last = max((look.now for recording in recordings for look in recording.looks[-1:]), default=0.0)
    return last - recordings[0].state.since if recordings else 0.0
