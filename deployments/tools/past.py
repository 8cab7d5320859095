"""Past traffic of a Canary, read from Prometheus or from files of one, as a release that can be judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any

import httpx
import yaml

from blocks.metrics.base import Counters
from blocks.metrics.exported import Exported
from blocks.metrics.providers import Providers
from deployments.installed import all_dataplanes
from sluice.addresses import without_login
from sluice.errors import InvalidError, NotFoundError
from sluice.manifests.flagger.canary import Canary
from sluice.measures.counted import telemetry_of
from sluice.measures.dataplanes import telemetry_for
from sluice.measures.objective import Objective
from sluice.measures.series import Selector, newest_sample, oldest_sample
from sluice.measures.tally import Tally
from sluice.replay.checks import Checks
from sluice.replay.history import recording_of
from sluice.replay.recording import Release

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
        items = canaries_in(file.read_text())
    except FileNotFoundError as error:
        raise InvalidError(f"no file {file}") from error
    except OSError as error:
        raise InvalidError(f"{file} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidError(f"{file} is no manifest: it is not YAML") from error
    if len(items) != 1:
        raise InvalidError(f"{file} has {len(items)} Canaries where one is needed")
    return Canary.parse(items[0])


def canaries_in(text: str) -> list[dict[str, Any]]:
    """The Canaries among the manifests in a text; not checked.

    Raises:
        YAMLError: it is no YAML.
    """
    return [one for one in yaml.safe_load_all(text) if isinstance(one, dict) and one.get("kind") == "Canary"]


async def past_release(canary: Canary, address: str, begin: datetime, end: datetime) -> Release:
    """What the canary and the primary were asked from `begin` to `end`, by the installation's Prometheus.

    Raises:
        InvalidError: the times are not in order, or the Canary has no counted metric.
        NotFoundError: neither had a request then.
        TransientError: Prometheus does not answer.
    """
    async with httpx.AsyncClient() as http:
        server = canary.spec.metrics_server or address
        provider = Providers(http).counters(server)
        return await _release(
            canary, provider, f"Prometheus at {without_login(server)[0]}", begin.timestamp(), end.timestamp()
        )


async def exported_release(
    canary: Canary, files: Sequence[Path], begin: datetime | None = None, end: datetime | None = None
) -> Release:
    """A Canary's past traffic as a release, from files that were exported from a Prometheus.

    Args:
        begin, end: from when to when; the first and the last sample of the Canary's traffic where not given.

    Raises:
        InvalidError: a file is no export, the times are not in order, or the Canary has no counted metric.
        NotFoundError: no sample of the Canary's traffic is in the files.
    """
    selectors = [tally.selector for tally in _tallies(canary, 0.0, 0.0)]
    provider = Exported.of(files, {one.metric for one in selectors})
    found = [one for selector in selectors for one in await provider.samples(selector, -inf, inf)]
    if not found:
        sought = "; ".join(_sought(one) for one in selectors)
        raise NotFoundError(f"{provider.files}: no samples of {canary}; sought was {sought}")
    since = begin.timestamp() if begin else oldest_sample(found)
    until = end.timestamp() if end else newest_sample(found)
    return await _release(canary, provider, provider.files, since, until)


def _tallies(canary: Canary, since: float, span: float) -> list[Tally]:
    asked = canary.spec.analysis.metrics if canary.spec.analysis else ()
    objectives = [Objective.of(metric) for metric in asked if metric.is_counted]
    if not objectives:
        raise InvalidError(f"{canary} has no counted metric to be judged by")
    usual = telemetry_for(canary, rows=all_dataplanes())
    return [Tally(one, telemetry_of(one.metric, canary, usual), since, span) for one in objectives]


def _sought(selector: Selector) -> str:
    sides = f"{selector.label} {' or '.join(sorted(selector.values))}"
    return f"{selector.metric} with {' and '.join([sides, *(f'{k} {v}' for k, v in sorted(selector.where))])}"


async def _release(canary: Canary, provider: Counters, where: str, since: float, until: float) -> Release:
    begin, end = (_time(where, at) for at in (since, until))
    if since >= until:
        raise InvalidError(f"--end {end} is not after --begin {begin}")
    tallies = _tallies(canary, since, until - since + LOOK_BACK)
    for tally in tallies:
        await _read(provider, tally, since - LOOK_BACK, until)
    analysis = canary.spec.analysis
    assert analysis is not None  # noqa: S101 - its metrics were just read
    checks = Checks.flaggers(analysis)
    recording = recording_of(tallies, since, 0, interleave=analysis.interleave, checks=checks)
    if not recording.looks:
        raise NotFoundError(f"{where} has no samples of {canary} from {begin} to {end}")
    return Release(release=str(canary), outcome=PAST, recordings=(recording.packed(),))


def _time(where: str, at: float) -> datetime:
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidError(
            f"{where} has a sample at {at:g}, which is no time: seconds since 1970 are needed, not milliseconds"
        ) from error


async def _read(provider: Counters, tally: Tally, start: float, until: float) -> None:
    while start < until:
        end = min(start + AT_ONCE, until)
        tally.add(await provider.samples(tally.selector, start, end))
        start = end
