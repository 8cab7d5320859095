"""What a policy would have said of past releases: how many good ones it takes back, and how soon it sees bad ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from sluice.judge.policy import ALPHA, DEFAULT, Policy
from sluice.judge.recording import Release
from sluice.judge.verdict import Verdict
from sluice.rollout.decide import Outcome

ALPHAS = (ALPHA / 10, ALPHA, ALPHA * 10, ALPHA * 50)
"""Error rates that are tried."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one policy says of past releases.

    Attributes:
        policy: the policy.
        good, taken_back: releases that were promoted, and those of them that it takes back.
        bad, seen: releases that were rolled back, and those of them that it takes back by the evidence.
        median_s: median of the seconds from a release's first look to that; None where it sees none.
    """

    policy: Policy
    good: int
    taken_back: int
    bad: int
    seen: int
    median_s: float | None


def tried(releases: Sequence[Release]) -> Iterator[Tried]:
    """Each policy on all releases: the error rates of `ALPHAS`, with and without `interleave`."""
    for interleave in (False, True):
        for alpha in ALPHAS:
            yield _on(replace(DEFAULT, alpha=alpha, interleave=interleave), releases)


def _on(policy: Policy, releases: Sequence[Release]) -> Tried:
    good = [_taken_back(one, policy) for one in releases if one.outcome == Outcome.PROMOTED]
    bad = [_taken_back(one, policy) for one in releases if one.outcome == Outcome.ROLLED_BACK]
    seen = [after for after in bad if after is not None]
    wrong = sum(after is not None for after in good)
    return Tried(policy, len(good), wrong, len(bad), len(seen), median(seen) if seen else None)


def _taken_back(release: Release, policy: Policy) -> float | None:
    """Seconds from the first look until the policy takes the release back; None where it does not."""
    first: float | None = None
    for said in release.replay(policy):
        first = said.at if first is None else first
        if said.judgement.verdict is Verdict.FAIL:
            return said.at - first
    return None
