"""Past traffic of a Canary, read from Prometheus, as a release that can be judged."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import httpx
import yaml

from blocks.metrics.base import Metrics
from blocks.metrics.prometheus import Prometheus
from blocks.routers.gateway_api import telemetry
from sluice.errors import InvalidError, NotFoundError
from sluice.judge.counted import telemetry_of
from sluice.judge.history import recording_of
from sluice.judge.objective import Objective
from sluice.judge.recording import Release
from sluice.judge.tally import Tally
from sluice.manifests.canary import Canary

LOOK_BACK = 30.0
"""Seconds before the beginning that are read too, to tell new series from old ones."""
AT_ONCE = 600.0
"""Seconds that one query asks for."""
PAST = "from Prometheus"
"""The outcome of a release that nobody judged when it was."""


def canary_in(file: Path) -> Canary:
    """The Canary in a manifest.

    Raises:
        InvalidError: there is none, or more than one, or it is not valid.
    """
    try:
        items = [one for one in yaml.safe_load_all(file.read_text()) if one and one.get("kind") == "Canary"]
    except (OSError, yaml.YAMLError) as error:
        raise InvalidError(f"{file}: {error}") from error
    if len(items) != 1:
        raise InvalidError(f"{file} has {len(items)} Canaries where one is needed")
    return Canary.parse(items[0])


async def past_release(canary: Canary, address: str, begin: datetime, end: datetime) -> Release:
    """What the canary and the primary were asked from `begin` to `end`, by the installation's Prometheus.

    Raises:
        InvalidError: the times are not in order, or the Canary has no counted metric.
        NotFoundError: neither had a request then.
        TransientError: Prometheus does not answer.
    """
    since, until = begin.timestamp(), end.timestamp()
    if since >= until:
        raise InvalidError(f"--end {end} is not after --begin {begin}")
    asked = canary.spec.analysis.metrics if canary.spec.analysis else ()
    objectives = [Objective.of(metric) for metric in asked if metric.is_counted]
    if not objectives:
        raise InvalidError(f"{canary} has no counted metric to be judged by")
    usual, span = telemetry(canary), until - since + LOOK_BACK
    tallies = [Tally(one, telemetry_of(one.metric, canary, usual), since, span) for one in objectives]
    async with httpx.AsyncClient() as http:
        provider = Prometheus(canary.spec.metrics_server or address, http)
        for tally in tallies:
            await _read(provider, tally, since - LOOK_BACK, until)
    recording = recording_of(tallies, since, 0)
    if not recording.looks:
        raise NotFoundError(f"Prometheus at {provider.address} has no samples of {canary} from {begin} to {end}")
    return Release(release=str(canary), outcome=PAST, recordings=(recording.packed(),))


async def _read(provider: Metrics, tally: Tally, start: float, until: float) -> None:
    while start < until:
        end = min(start + AT_ONCE, until)
        tally.take(await provider.samples(tally.selector, start, end))
        start = end
