"""The judges that a recorded release can be shown to: a table, one row for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Protocol

from pydantic import ValidationError

from sluice.errors import InvalidError
from sluice.judge.policy import ALPHA, DEFAULT, Policy
from sluice.manifests.flagger.comparison import AnalysisComparison
from sluice.replay.by_score import ByComparison
from sluice.replay.by_threshold import ByThreshold
from sluice.replay.recording import Recording, Replayed, replay


class Judge(Protocol):
    """One way to judge what was recorded; its `str` says which, with its numbers."""

    @property
    def earliest(self) -> float:
        """Seconds into a release before which this judge cannot roll it back, whatever it sees."""

    def judge(self, recordings: Sequence[Recording]) -> Iterator[Replayed]:
        """The verdicts on a release, in order; after a FAIL there is nothing to be said.

        Args:
            recordings: its steps, oldest first.
        """


@dataclass(frozen=True, slots=True)
class ByEvidence:
    """The sequential judge, at each scrape (`sequential.py`).

    Attributes:
        policy: how sure it has to be; None for what it was.
    """

    policy: Policy | None = None

    @property
    def earliest(self) -> float:
        return 0.0

    def judge(self, recordings: Sequence[Recording]) -> Iterator[Replayed]:
        return replay(recordings, self.policy)

    def __str__(self) -> str:
        if self.policy is None:
            return "evidence, as it was"
        return f"evidence, alpha {self.policy.alpha:g}{', interleave' if self.policy.interleave else ''}"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a judge instead of what was; None leaves it.

    Attributes:
        alpha: error rate, see `Policy`.
        interleave: see `Policy`.
        interval: seconds between two checks.
        threshold: failed checks that roll a release back.
        pass_score, marginal: see `AnalysisComparison`.
    """

    alpha: float | None = None
    interleave: bool | None = None
    interval: float | None = None
    threshold: int | None = None
    pass_score: float | None = None
    marginal: float | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of judge.

    Attributes:
        made: a judge of this kind.
        tried: the fields of `Asked` that it heeds, with the values that are worth trying.
    """

    made: Callable[[Asked], Judge]
    tried: Mapping[str, Sequence[object]]


def judge_of(kind: str, asked: Asked = Asked()) -> Judge:
    """The judge of that kind.

    Raises:
        InvalidError: there is none, it does not heed what is asked for, or that is out of range.
    """
    if kind not in JUDGES:
        raise InvalidError(f"--judge {kind!r} is none; there are {', '.join(JUDGES)}")
    for one in fields(asked):
        if getattr(asked, one.name) is not None and one.name not in JUDGES[kind].tried:
            others = " or ".join(name for name, other in JUDGES.items() if one.name in other.tried)
            raise InvalidError(
                f"--{one.name.replace('_', '-')} says nothing to --judge {kind}; it is for --judge {others}"
            )
    return JUDGES[kind].made(asked)


def judges_of(asked: Mapping[str, Sequence[object]]) -> Iterator[tuple[str, Judge]]:
    """Judges of all kinds, each with its kind, in all combinations of values.

    Args:
        asked: by field of `Asked`, values to try instead of those of `JUDGES`; none leaves those.

    Raises:
        InvalidError: a value is out of range.
    """
    for kind, one in JUDGES.items():
        for values in product(*(asked.get(name) or usual for name, usual in one.tried.items())):
            yield kind, one.made(Asked(**dict(zip(one.tried, values, strict=True))))  # type: ignore[arg-type]


def _by_evidence(asked: Asked) -> Judge:
    if asked.alpha is None and asked.interleave is None:
        return ByEvidence()
    alpha = DEFAULT.alpha if asked.alpha is None else asked.alpha
    try:
        return ByEvidence(replace(DEFAULT, alpha=alpha, interleave=bool(asked.interleave)))
    except ValueError as error:
        raise InvalidError(f"--alpha: {error}") from error


def _by_threshold(asked: Asked) -> Judge:
    if asked.interval is not None and asked.interval <= 0:
        raise InvalidError(f"--interval {asked.interval:g} s is no time between two checks; write for example 60s")
    if asked.threshold is not None and asked.threshold < 1:
        raise InvalidError(f"--threshold {asked.threshold} is no number of failed checks; it is 1 at least")
    return ByThreshold(asked.interval, asked.threshold)


def _by_comparison(asked: Asked) -> Judge:
    given = {"pass": asked.pass_score, "marginal": asked.marginal}
    try:
        settings = AnalysisComparison.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        raise InvalidError(f"--pass-score and --marginal: {error.errors()[0]['msg']}") from error
    return ByComparison(settings)


JUDGES: Mapping[str, Kind] = {
    "evidence": Kind(_by_evidence, {"interleave": (False, True), "alpha": (ALPHA / 10, ALPHA, ALPHA * 10, ALPHA * 50)}),
    "threshold": Kind(_by_threshold, {"interval": (10.0, 60.0), "threshold": (1, 3, 5, 10)}),
    "comparison": Kind(_by_comparison, {"pass_score": (95.0,), "marginal": (75.0,)}),
}
"""The kinds of judges, and what `sluice tune` tries of each where nothing else is asked for."""
