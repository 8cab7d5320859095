"""The log of a part: of bounded size, which is not looked at for each line."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from deployments.logs import LOOK_EVERY, BoundedFile

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
