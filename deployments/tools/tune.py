"""Judges side by side on past releases: the lines and the picture of `sluice tune`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from blocks.prefect.recordings import recorded_releases
from deployments.tools.replay import recorded_in
from sluice.errors import InvalidError, NotFoundError
from sluice.replay.recording import Release
from sluice.replay.tuning import Tried

HEAD = ("promoted", "of them rolled back", "rolled back", "of them seen", "too short", "median")
JUDGE = 46
"""Characters of a judge's name."""


def releases_of(files: Sequence[Path], most: int) -> list[Release]:
    """Recorded releases: those of the files, or the last `most` that Prefect keeps.

    Raises:
        InvalidError: a file is no recording, or `most` asks for none.
        NotFoundError: none is kept.
    """
    if most < 1:
        raise InvalidError(f"--most is 1 at least, not {most}")
    releases = [recorded_in(file) for file in files] or asyncio.run(recorded_releases(most))
    if not releases:
        raise NotFoundError("no release is recorded yet: each one that is judged leaves its recording in Prefect")
    return releases


def tuned(rows: Sequence[Tried]) -> Iterator[str]:
    """A line for each judge: good releases rolled back, and how soon bad ones are."""
    yield "  ".join((f"{'judge':<{JUDGE}}", *HEAD))
    for row in rows:
        counts = (row.good, row.rolled_back, row.bad, row.seen, row.too_short, _soon(row))
        cells = (f"{cell:>{len(head)}}" for cell, head in zip(counts, HEAD, strict=True))
        yield "  ".join((f"{row.judge!s:<{JUDGE}}", *cells))
    if any(row.too_short for row in rows):
        yield "too short: what is recorded of a bad release ends before that judge could have rolled it back"


def _soon(row: Tried) -> str:
    if row.median_s is not None:
        return f"{row.median_s:.1f} s"
    return f">= {row.judge.earliest:g} s" if row.too_short else ""
