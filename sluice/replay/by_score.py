"""The third judge on a release that was recorded; the primary stands in where there was no baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sluice.judge.baseline.samples import samples
from sluice.judge.baseline.score import graded, scored
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.measures.counts import Sides
from sluice.replay.recording import Recording, Replayed

Moments = dict[str, list[tuple[float, Sides]]]


@dataclass(frozen=True, slots=True)
class ByComparison:
    """The score against the baseline, at the end of each step (`score.py`).

    Attributes:
        settings: scores that are asked for.
    """

    settings: AnalysisComparison

    @property
    def earliest(self) -> float:
        """Seconds into a release before which it cannot be rolled back: none is known, steps differ."""
        return 0.0

    def judge(self, recordings: Sequence[Recording]) -> Iterator[Replayed]:
        """See `compared`."""
        return compared(recordings, self.settings)

    def __str__(self) -> str:
        return f"comparison, pass {self.settings.pass_:g}, marginal {self.settings.marginal:g}"


def compared(recordings: Sequence[Recording], settings: AnalysisComparison) -> Iterator[Replayed]:
    """The verdict at the end of each step; after one that ends the release there is nothing to be said.

    A release that had no baseline is compared with the primary, whose pods are older: what warms up counts against it.

    Args:
        recordings: the release's steps, oldest first.
        settings: scores that are asked for.
    """
    with_baseline = any(look.against_baseline for one in recordings for look in one.looks)
    moments: Moments = {}
    highest = max((one.weight for one in recordings), default=0)
    filled = [one for one in recordings if one.looks]
    for number, one in enumerate(filled):
        for look in one.looks:
            _add(moments, look.against_baseline if with_baseline else look.scrapes)
        if number + 1 < len(filled) and _step(filled[number + 1]) == _step(one):
            continue  # a worker went on where another had left the step
        score = scored(
            [each for each in one.objectives if not each.gauge], {name: samples(seen) for name, seen in moments.items()}
        )
        said, fatal = graded(score, settings, last=one.weight == highest)
        yield Replayed(one.looks[-1].now, one.weight, said)
        if fatal:
            return


def _step(recording: Recording) -> tuple[int, float]:
    return recording.weight, recording.looks[-1].step_started


def _add(moments: Moments, scrapes: Mapping[str, Sequence[tuple[float, Sides]]]) -> None:
    """A worker that resumes a run records the whole release again: what is known already stays as it was first recorded."""
    for name, seen in scrapes.items():
        known = moments.setdefault(name, [])
        known.extend((at, sides) for at, sides in seen if not known or at > known[-1][0])
