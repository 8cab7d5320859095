"""The best that a peer can be tuned to: the fastest setting whose false alarms stay below a bound.

A user who tunes knows the traffic and the scrapes of a service, not the failure that a release will bring. Here the
peers are given even that: each row of the table takes the setting that is fastest in this very row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bench.judge.judges.peers import Argo, Flagger
from bench.judge.streams import Ints, Streams

MOST_FALSE = 0.001
"""False alarms that a setting may raise, as a share of the good releases that it is tuned on."""
WINDOWS = (10, 30, 60, 120)
FLAGGER = tuple(Flagger(interval, 1, window) for interval in (10, 20, 30, 60) for window in WINDOWS)
ARGO = tuple(Argo(interval, 0, window) for interval in (2, 5, 10, 30, 60) for window in WINDOWS)
"""Intervals (Flagger's cannot be below 10 s) and windows that are tried; every threshold is."""

Peer = Flagger | Argo


@dataclass(frozen=True, slots=True)
class Setting:
    """A peer with the least threshold that keeps its false alarms down, and their share."""

    peer: Peer
    false: float


def alarms(peers: tuple[Peer, ...], streams: Streams) -> list[Ints]:
    """Failed checks of each setting at the end of each good release."""
    return [_that_matter(peer, peer.counted(streams)[0]) for peer in peers]


def least(peer: Peer, failed: Ints) -> Setting:
    """The setting with the lowest threshold that has few enough false alarms."""
    few = int(MOST_FALSE * len(failed))
    needed = int(np.sort(failed)[len(failed) - 1 - few]) + 1
    false = float(np.mean(failed >= needed))
    if isinstance(peer, Flagger):
        return Setting(replace(peer, threshold=needed), false)
    return Setting(replace(peer, limit=needed - 1), false)


def _that_matter(peer: Peer, counts: Ints) -> Ints:
    # Flagger acts at the check after the one that reached the threshold: the last check of a release can start nothing.
    return counts[:, -2] if isinstance(peer, Flagger) else counts[:, -1]
