"""Judging once more what was judged before: the lines and the picture of `sluice replay`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import yaml

from blocks.prefect.recordings import last_release
from deployments.tools.past import canaries_in, canary_in, exported_release, past_release
from sluice.charts.rollout import Moment, chart
from sluice.durations import seconds
from sluice.errors import InvalidError
from sluice.judge.verdict import Verdict
from sluice.replay.judges import Judge
from sluice.replay.recording import Release, Replayed
from sluice.rollout.decision import Outcome

SUCCESS = "request-success-rate"
FILES = frozenset({".json", ".yaml", ".yml"})
"""Ends of names that are files: a Canary's namespace is hardly called so."""


def release_of(
    which: str,
    metrics_url: str = "",
    begin: datetime | None = None,
    end: datetime | None = None,
    files: Sequence[Path] = (),
) -> Release:
    """A recorded release: of a file, a Canary's last one, or one that is read from Prometheus or from files of one.

    Args:
        which: path of a file that `sluice replay --save` wrote, NAME.NAMESPACE, or with times or files path of a manifest.
        metrics_url: the installation's Prometheus.
        begin, end: from when to when.
        files: exported from a Prometheus.

    Raises:
        InvalidError: it is neither, or a file is no export.
        NotFoundError: no release of the Canary is kept, or it had no traffic then.
        TransientError: Prometheus does not answer.
    """
    path = Path(which)
    begin, end = (time and _aware(time) for time in (begin, end))
    if files:
        return asyncio.run(exported_release(canary_in(path), files, begin, end))
    if begin and end:
        return asyncio.run(past_release(canary_in(path), metrics_url, begin, end))
    if begin or end:
        raise InvalidError("--begin and --end go together, where no --from says which samples there are")
    if path.is_file():
        return recorded_in(path)
    name, dot, namespace = which.rpartition(".")
    if path.suffix in FILES and "/" not in which:
        raise InvalidError(f"no file {which}")
    if not (dot and name and namespace) or "/" in which:
        raise InvalidError(f"{which!r} is neither a file nor a Canary's NAME.NAMESPACE")
    return asyncio.run(last_release(name, namespace))


def recorded_in(file: Path) -> Release:
    """The release that `sluice replay --save` wrote to a file.

    Raises:
        InvalidError: it cannot be read, or is something else.
    """
    try:
        found = file.read_bytes()
    except FileNotFoundError as error:
        raise InvalidError(f"no file {file}") from error
    except OSError as error:
        raise InvalidError(f"{file} cannot be read: {error.strerror}") from error
    try:
        return Release.parse(found)
    except InvalidError as error:
        if _is_manifest(found):
            raise InvalidError(
                f"{file}: not a recorded release, but a manifest: have `sluice replay` judge its past traffic with "
                "--from FILE, or with --begin and --end"
            ) from error
        raise InvalidError(f"{file}: {error}") from error


def _is_manifest(text: bytes) -> bool:
    try:
        return bool(canaries_in(text.decode()))
    except (UnicodeDecodeError, yaml.YAMLError):
        return False


def write(option: str, file: Path, text: str) -> None:
    """Write what an option such as `--save` asks for.

    Raises:
        InvalidError: the file cannot be written.
    """
    try:
        file.write_text(text)
    except OSError as error:
        raise InvalidError(f"{option} {file} cannot be written: {error.strerror}") from error


def ended(release: Release, outcome: str) -> Release:
    """The release as one that is known to have been promoted or rolled back; as it is where nothing is said.

    Raises:
        InvalidError: it says something else.
    """
    if not outcome:
        return release
    known = (Outcome.PROMOTED, Outcome.ROLLED_BACK)
    if outcome not in known:
        raise InvalidError(
            f"--outcome {outcome!r} says neither good nor bad: write {' or '.join(map(repr, map(str, known)))}"
        )
    return release.model_copy(update={"outcome": outcome})


def seconds_of(option: str, text: str) -> float:
    """Seconds in an option such as `--interval 1m`.

    Raises:
        InvalidError: it is no duration.
    """
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else seconds(text)
    except ValueError as error:
        raise InvalidError(f"{option}: {error}") from error


def lines(release: Release, said: Sequence[Replayed], judge: Judge) -> Iterator[str]:
    """The judge's verdicts as lines, one where the verdict or the weight changes, and the last one."""
    yield f"{release.release}, {release.outcome}; judged by {judge}"
    if not said:
        yield "no verdict: what is recorded ends before this judge has one"
    before: tuple[object, ...] = ()
    for index, one in enumerate(said):
        now = (one.weight, one.judgement.verdict)
        if now != before or index == len(said) - 1:
            after = one.at - release.began
            yield f"{after:7.1f} s  {one.weight:3d} %  {one.judgement.verdict!s:<8}  {one.judgement.reason}"
        before = now


def drawn(release: Release, said: Sequence[Replayed], judge: Judge) -> str:
    """The replay as a picture, see `sluice.charts.rollout`; its frame is red where this judge rolls the release back."""
    began = release.began
    moments = [Moment(one.at - began, one.weight, _success(one)) for one in said]
    failed = any(one.judgement.verdict is Verdict.FAIL for one in said[-1:])
    return chart(f"{release.release}, judged by {judge}", moments, good=not failed)


def _success(one: Replayed) -> float | None:
    return next((reading.value for reading in one.judgement.readings if reading.metric == SUCCESS), None)


def _aware(time: datetime) -> datetime:
    """The time as it is, or in UTC where it names no zone."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
