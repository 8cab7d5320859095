"""The log of a part: of bounded size, which is not looked at for each line."""

from __future__ import annotations

import io
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest
from prefect.logging.handlers import PrefectConsoleHandler

from deployments.logs import LOOK_EVERY, BoundedFile, plain_where_nobody_watches

LINES = 20 * LOOK_EVERY


def test_the_size_of_a_log_is_looked_at_now_and_then_and_stays_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is lost on the way into the older file."""
    looks, look = [], RotatingFileHandler.shouldRollover
    monkeypatch.setattr(RotatingFileHandler, "shouldRollover", lambda it, line: looks.append(1) or look(it, line))
    file = BoundedFile(tmp_path / "worker.log", maxBytes=11 * LOOK_EVERY, backupCount=30)
    log = logging.Logger("bounded")
    log.addHandler(file)
    for number in range(LINES):
        log.info("%09d!", number)
    file.close()
    files = sorted(tmp_path.iterdir())
    assert len(looks) == LINES / LOOK_EVERY
    assert max(one.stat().st_size for one in files) <= 2 * 11 * LOOK_EVERY
    assert sorted(line for one in files for line in one.read_text().split()) == [f"{at:09d}!" for at in range(LINES)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "kept"), [(io.StringIO(), False), (Terminal(), True)])
def test_lines_are_laid_out_only_for_a_terminal(stream: io.StringIO, kept: bool) -> None:
    log = logging.getLogger(f"{__name__}.{kept}")
    log.propagate = False
    laid_out = PrefectConsoleHandler(stream)
    laid_out.setFormatter(logging.Formatter("%(levelname)s | %(message)s"))
    laid_out.setLevel(logging.WARNING)
    log.addHandler(laid_out)
    plain_where_nobody_watches()
    assert (log.handlers == [laid_out]) is kept
    log.warning("a line that is longer than any terminal is wide %s", "x" * 200)
    log.info("not of interest")
    assert stream.getvalue().splitlines() == ["WARNING | a line that is longer than any terminal is wide " + "x" * 200]
