"""Judging once more what was judged before: the lines that `sluice replay` and `sluice tune` print."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from blocks.prefect_recordings import last_release, recorded_releases
from deployments.past import canary_in, past_release
from sluice.errors import InvalidError, NotFoundError
from sluice.judge.policy import DEFAULT, Policy
from sluice.judge.recording import Release, Replayed
from sluice.judge.tuning import tried
from sluice.rollout.chart import Moment, chart
from sluice.rollout.decide import Outcome

SUCCESS = "request-success-rate"


def release_of(
    which: str, metrics_url: str = "", begin: datetime | None = None, end: datetime | None = None
) -> Release:
    """A recorded release: of a file, a Canary's last one, or one that is read from Prometheus.

    Args:
        which: path of a file that `sluice replay --save` wrote, NAME.NAMESPACE, or with times path of a manifest.
        metrics_url: the installation's Prometheus.
        begin, end: from when to when.

    Raises:
        InvalidError: it is neither.
        NotFoundError: no release of the Canary is kept, or it had no traffic then.
        TransientError: Prometheus does not answer.
    """
    path = Path(which)
    if begin and end:
        return asyncio.run(past_release(canary_in(path), metrics_url, _aware(begin), _aware(end)))
    if begin or end:
        raise InvalidError("--begin and --end go together")
    if path.is_file():
        return Release.parse(path.read_bytes())
    name, dot, namespace = which.rpartition(".")
    if not (dot and name and namespace) or "/" in which:
        raise InvalidError(f"{which!r} is neither a file nor a Canary's NAME.NAMESPACE")
    return asyncio.run(last_release(name, namespace))


def releases_of(files: Sequence[Path], most: int) -> list[Release]:
    """Recorded releases: those of the files, or the last `most` that Prefect keeps.

    Raises:
        NotFoundError: none is kept.
    """
    releases = [Release.parse(file.read_bytes()) for file in files] or asyncio.run(recorded_releases(most))
    if not releases:
        raise NotFoundError("no release is recorded yet: each one that is judged leaves its recording in Prefect")
    return releases


def policy_of(alpha: float | None, interleave: bool | None) -> Policy | None:
    """The policy that the command line asks for; None for what it was.

    Raises:
        InvalidError: `alpha` is no probability.
    """
    if alpha is None and interleave is None:
        return None
    try:
        return replace(DEFAULT, alpha=DEFAULT.alpha if alpha is None else alpha, interleave=bool(interleave))
    except ValueError as error:
        raise InvalidError(f"--alpha: {error}") from error


def told(release: Release, said: Sequence[Replayed]) -> Iterator[str]:
    """The judge's words as lines, each where the word or the weight changes, and the last one."""
    yield f"{release.release}, {release.outcome}"
    before: tuple[object, ...] = ()
    for index, one in enumerate(said):
        now = (one.weight, one.judgement.verdict)
        if now != before or index == len(said) - 1:
            yield (
                f"{one.at - said[0].at:7.1f} s  {one.weight:3d} %  {one.judgement.verdict!s:<8}  {one.judgement.reason}"
            )
        before = now


def drawn(release: Release, said: Sequence[Replayed]) -> str:
    """The replay as a picture, see `sluice.rollout.chart`."""
    moments = [Moment(one.at - said[0].at, one.weight, _success(one)) for one in said]
    return chart(f"{release.release} replayed", moments, good=release.outcome == Outcome.PROMOTED)


def tuned(releases: Sequence[Release]) -> Iterator[str]:
    """A line for each policy: good releases taken back, and how soon bad ones are."""
    yield f"{'alpha':>8}  interleave  promoted, of them taken back  rolled back, of them seen  median"
    for one in tried(releases):
        soon = "" if one.median_s is None else f"{one.median_s:.1f} s"
        interleave = "yes" if one.policy.interleave else "no"
        yield (
            f"{one.policy.alpha:8g}  {interleave:<10}  {one.good:8d}  {one.taken_back:18d}"
            f"  {one.bad:11d}  {one.seen:12d}  {soon:>6}"
        )


def _success(one: Replayed) -> float | None:
    return next((reading.value for reading in one.judgement.readings if reading.metric == SUCCESS), None)


def _aware(time: datetime) -> datetime:
    """The time as it is, or in UTC where it names no zone."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
