"""Runs every rule over the same releases of each row, some thousand at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from bench.judge.judges import sluices, tuning
from bench.judge.judges.peers import Argo, Flagger
from bench.judge.judges.sluices import Rule
from bench.judge.rows import as_good
from bench.judge.streams import ALLOWED, Reals, Scenario, Streams, generate

CHUNK = 500
"""Releases that are held in memory at once."""
USUAL_PEERS = (Flagger(10, 1), Flagger(10, 5), Flagger(60, 5), Argo(5, 0), Argo(5, 2))
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is simulated."""

    releases: int
    seed: int
    alpha: float


def streams_of(scenario: Scenario, sizes: Sizes) -> Iterator[Streams]:
    """The releases of a row, in chunks; seeded by the row itself, so that rows can be added without changing others."""
    row = zlib.crc32(repr(scenario).encode())
    for chunk, begin in enumerate(range(0, sizes.releases, CHUNK)):
        dice = np.random.default_rng([sizes.seed, row, chunk])
        yield generate(scenario, min(CHUNK, sizes.releases - begin), dice)


def false_alarms(scenario: Scenario, rules: Mapping[str, Rule], sizes: Sizes) -> Figures:
    """Share of good releases that each rule rolls back."""
    found: dict[str, int] = {}
    for streams in streams_of(scenario, sizes):
        for name, times in _all_times(streams, rules, sizes.alpha):
            found[name] = found.get(name, 0) + int(np.isfinite(times).sum())
    return {"releases": sizes.releases, "rolled_back": found}


def seconds_to_rollback(
    scenario: Scenario, rules: Mapping[str, Rule], sizes: Sizes, tuned: list[tuning.Setting]
) -> Figures:
    """Time to the rollback of bad releases by each rule, and by the peers' settings that are fastest here."""
    parts: dict[str, list[Reals]] = {}
    labels = [*map(str, (one.peer for one in tuned))]
    for streams in streams_of(scenario, sizes):
        for name, rule in rules.items():
            parts.setdefault(name, []).append(sluices.judge(streams, rule(streams, sizes.alpha), sizes.alpha))
        for label, setting in zip(labels, tuned, strict=True):
            parts.setdefault(label, []).append(setting.peer.judge(streams))
    since = scenario.changes_at
    times = {name: np.concatenate(chunks) for name, chunks in parts.items()}
    return {
        "releases": sizes.releases,
        "wald_s": wald(scenario, sizes.alpha),
        "rules": {name: spread(times[name], since) for name in rules},
        "peers": {kind.__name__: _best(kind, tuned, times, since) for kind in (Flagger, Argo)},
    }


def tune(scenario: Scenario, sizes: Sizes) -> list[tuning.Setting]:
    """The peers' settings that raise few enough false alarms on good releases of the row's service."""
    candidates: tuple[tuning.Peer, ...] = (*tuning.FLAGGER, *tuning.ARGO)
    failed = [tuning.alarms(candidates, streams) for streams in streams_of(as_good(scenario), sizes)]
    return [tuning.least(peer, np.concatenate(each)) for peer, *each in zip(candidates, *failed, strict=True)]


def wald(scenario: Scenario, alpha: float) -> float:
    """Wald's bound on the mean time of any test with this error rate, and the mean wait for a scrape."""
    bad, good = scenario.failure, ALLOWED
    nats = bad * log(bad / good) + ((1 - bad) * log((1 - bad) / (1 - good)) if bad < 1 else 0.0)
    return round(log(1 / alpha) / nats / scenario.rps + scenario.scrape / 2, 1)


def spread(times: Reals, since: int) -> Figures:
    """Median and 90th percentile of the seconds after `since`; those that came before it are false alarms."""
    right = times[times >= since] - since
    if not len(right):
        return {"median_s": None, "p90_s": None, "never": 0.0, "early": 1.0}
    # The order statistic below, not a mean of two: a release that is never rolled back has no number to average with.
    median, high = (float(np.quantile(right, q, method="lower")) for q in (0.5, 0.9))
    return {
        "median_s": median if np.isfinite(median) else None,
        "p90_s": high if np.isfinite(high) else None,
        "never": float(np.mean(np.isinf(right))),
        "early": float(np.mean(times < since)),
    }


def _all_times(streams: Streams, rules: Mapping[str, Rule], alpha: float) -> Iterator[tuple[str, Reals]]:
    for name, rule in rules.items():
        yield name, sluices.judge(streams, rule(streams, alpha), alpha)
    for peer in USUAL_PEERS:
        yield str(peer), peer.judge(streams)


def _best(kind: type, tuned: list[tuning.Setting], times: dict[str, Reals], since: int) -> Figures:
    mine = [one for one in tuned if isinstance(one.peer, kind)]
    each = [(one, spread(times[str(one.peer)], since)) for one in mine]
    usual = [pair for pair in each if pair[0].peer.window == 60]
    return {"any window": _fastest(each), "window 1m": _fastest(usual)}


def _fastest(each: list[tuple[tuning.Setting, Figures]]) -> Figures:
    def order(pair: tuple[tuning.Setting, Figures]) -> tuple[float, float]:
        median = pair[1]["median_s"]
        return (np.inf if median is None else median, pair[0].false)

    setting, figures = min(each, key=order)
    return {"setting": str(setting.peer), "false": setting.false, **figures}
