"""Simulated releases: what each scrape of the canary's and the primary's counters shows, second by second seeded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bench.judge import shapes
from bench.judge.shapes import Shape

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]

ALLOWED = 0.01
"""Both objectives: 99 % succeed, 99 % are fast enough."""
METRICS = 2


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of release.

    Attributes:
        rps: requests a second to the canary, Poisson.
        failure: true share of failed requests of the canary, from `changes_at` on.
        usual: share of failed requests of the service as it was: the canary's before `changes_at`, the primary's always.
        slow: true share of slow requests, of both.
        shape: what happens on top of the steady level.
        scrape: seconds between two scrapes; their phase is random.
        weight: share of the traffic that the canary gets; the primary gets the rest.
        missed: share of the scrapes that fail.
        restarts: restarts of the canary's one pod in a release; what it counted since the last scrape is lost.
    """

    rps: float
    failure: float
    usual: float = 0.005
    slow: float = 0.005
    shape: Shape = Shape.STEADY
    scrape: int = 2
    seconds: int = 600
    changes_at: int = 0
    weight: float = 0.1
    missed: float = 0.0
    restarts: int = 0

    @classmethod
    def good(cls, rps: float, level: float, shape: Shape = Shape.STEADY, scrape: int = 2) -> Scenario:
        """A release that is as good as the service was."""
        return cls(rps=rps, failure=level, usual=level, slow=level, shape=shape, scrape=scrape)


@dataclass(frozen=True, slots=True)
class Half:
    """What the scrapes of one half of the traffic show, as growth since the scrape before: [releases, scrapes].

    Attributes:
        requests: requests of each block.
        bad: failed ones, and slow ones.
    """

    requests: Ints
    bad: tuple[Ints, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """Releases as every rule sees them.

    Attributes:
        times: second of each scrape: [releases, scrapes].
        canary, primary: the blocks between scrapes.
        seen: requests, failed and slow requests of the canary as a query at second t finds them: [releases, seconds + 1].
    """

    scenario: Scenario
    times: Ints
    canary: Half
    primary: Half
    seen: tuple[Ints, ...] = field(repr=False)


def generate(scenario: Scenario, releases: int, dice: np.random.Generator) -> Streams:
    """Draw releases; the same state of the dice gives the same ones."""
    size = (releases, scenario.seconds)
    own, shared = shapes.draw(scenario.shape, size, dice)
    levels = np.where(np.arange(scenario.seconds) >= scenario.changes_at, scenario.failure, scenario.usual)
    canary = _counted(scenario.rps, shapes.over(levels, own), shapes.over(scenario.slow, own), dice, size)
    primary_rps = scenario.rps * (1 - scenario.weight) / scenario.weight
    primary = _counted(primary_rps, shapes.over(scenario.usual, shared), shapes.over(scenario.slow, shared), dice, size)
    times = _scrape_times(scenario, releases, dice)
    lost = _lost(scenario, times, dice)
    if lost is not None:
        canary = tuple(np.where(lost, 0, counts) for counts in canary)
    read = _read(scenario, times, dice)
    totals, primary_totals = tuple(map(_total, canary)), tuple(map(_total, primary))
    last = _last_read(scenario, times, read)
    return Streams(
        scenario,
        times,
        _blocks(totals, times, read),
        _blocks(primary_totals, times, read),
        tuple(np.take_along_axis(total, last, axis=1) for total in totals),
    )


def _counted(
    rps: float, failure: Reals, slow: Reals, dice: np.random.Generator, size: tuple[int, int]
) -> tuple[Ints, ...]:
    # A Poisson stream whose requests fail independently is two independent Poisson streams: the failed and the others.
    failed = dice.poisson(rps * failure, size)
    served = dice.poisson(rps * (1 - failure), size)
    requests = failed + served
    return requests, failed, dice.binomial(requests, slow)


def _scrape_times(scenario: Scenario, releases: int, dice: np.random.Generator) -> Ints:
    phase = dice.integers(1, scenario.scrape + 1, (releases, 1))
    return phase + scenario.scrape * np.arange(scenario.seconds // scenario.scrape)


def _lost(scenario: Scenario, times: Ints, dice: np.random.Generator) -> Flags | None:
    """Which seconds are never counted, because the pod restarted before the next scrape."""
    if not scenario.restarts:
        return None
    lost = np.zeros((len(times), scenario.seconds), dtype=bool)
    phase, second = times[:, :1], np.arange(scenario.seconds)
    for _ in range(scenario.restarts):
        at = dice.integers(1, scenario.seconds, (len(times), 1))
        scraped = at - (at - phase) % scenario.scrape
        lost |= (second >= scraped) & (second < at)
    return lost


def _read(scenario: Scenario, times: Ints, dice: np.random.Generator) -> Flags:
    return dice.random(times.shape) >= scenario.missed


def _total(counts: Ints) -> Ints:
    total = np.zeros((len(counts), counts.shape[1] + 1), dtype=np.int64)
    np.cumsum(counts, axis=1, out=total[:, 1:])
    return total


def _blocks(totals: tuple[Ints, ...], times: Ints, read: Flags) -> Half:
    """A scrape that failed shows nothing; the next one shows both blocks as one."""
    upto = np.maximum.accumulate(np.where(read, times, 0), axis=1)
    requests, *bad = (np.diff(np.take_along_axis(total, upto, axis=1), axis=1, prepend=0) for total in totals)
    return Half(requests, tuple(bad))


def _last_read(scenario: Scenario, times: Ints, read: Flags) -> Ints:
    """For each second, the second of the last scrape at or before it; 0 where there was none."""
    last = np.zeros((len(times), scenario.seconds + 1), dtype=np.int64)
    release, scrape = np.nonzero(read)
    last[release, times[release, scrape]] = times[release, scrape]
    np.maximum.accumulate(last, axis=1, out=last)
    return last
