"""The parts of an installation that have rights."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """A part of an installation that speaks to the API server; server and receiver do not."""

    WORKER = "worker"
    WATCHER = "watcher"
