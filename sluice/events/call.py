"""A call at a door: what a sender sent, as it came, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a sender.

    Attributes:
        headers: of the request; a name is found in whatever case it is written.
        at: when it arrived, with a time zone.
        body: as it came; empty as long as nobody has read it.
        query: what stands behind the `?` of its address.
        token: the part of its path that the sender's path leaves open, as in `/dockerhub/{token}`; empty where it has none.
    """

    headers: Mapping[str, str]
    at: datetime
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
