"""The senders of this installation: sluice's own, and those of installed packages (group `sluice.senders`)."""

from __future__ import annotations

from deployments.extensions import load
from sluice.events.senders.base import Sender
from sluice.events.senders.table import SENDERS

GROUP = "sluice.senders"


def all_senders() -> dict[str, Sender]:
    """By name.

    Raises:
        TerminalError: an installed package's sender cannot be loaded.
    """
    return load(GROUP, SENDERS, fits=lambda name, row: isinstance(row, Sender) and row.name == name)
