"""The senders that sluice understands, by name. A new one is a file and a row."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.events.senders.base import Sender
from sluice.events.senders.distribution import Distribution
from sluice.events.senders.github import GitHub

SENDERS: Mapping[str, Sender] = {
    "registry": Distribution(),
    "github": GitHub(),
}
