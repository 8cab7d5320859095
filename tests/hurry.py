"""Stages that do not wait, for tests of what is decided and in which order: draining and pauses are tried on the lab."""

from __future__ import annotations

import logging

import pytest

from flows import roll_out as story
from tasks.measuring import step as judging
from tasks.rollout import ask_gate, finalise, initialise, promote, roll_back


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits within a release, and its log needs no run of Prefect's."""
    for module in (roll_back, finalise, initialise, promote):
        monkeypatch.setattr(module, "DRAIN", 0)
    monkeypatch.setattr(story, "PAUSE", 0)
    monkeypatch.setattr(ask_gate, "GATE_PAUSE", 0)
    monkeypatch.setattr(judging, "SEARCH", 0.001)
    monkeypatch.setattr(story, "get_run_logger", lambda: logging.getLogger("test"))
