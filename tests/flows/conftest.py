"""What stories of rollouts in memory have in common."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from flows import roll_out as story
from tasks import run_signals
from tasks.measuring import step as judging
from tasks.rollout import finalise, initialise, promote, roll_back


@pytest.fixture(name="hurried")
def hurried_(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing waits, and nobody has asked for anything yet."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))
    run_signals.bind(run_signals.RunSignals())
    yield
    run_signals.bind(run_signals.RunSignals())
