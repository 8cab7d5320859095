"""The parts of an installation that have rights."""

from __future__ import annotations

from enum import StrEnum


class Part(StrEnum):
    """A part of an installation that speaks to the API server; the server does not, and the receiver where it is let to."""

    WORKER = "worker"
    WATCHER = "watcher"
    RECEIVER = "receiver"
    CHAT = "chat"
    """The receiver, as far as it hears people in Slack."""


ALWAYS = (Part.WORKER, Part.WATCHER)
"""The parts that nothing works without; the receiver needs rights only for Flux's Receiver objects."""
