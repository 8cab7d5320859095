"""Reads what the load generator wrote, and says what users saw: per version, how many, how bad, from when to when.

The instants are those of the answers: an application version is in front of users when a user has its answer.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class UserRequest:
    """One user's request. ``version`` is empty when no application answered it (the gateway did, or nobody)."""

    t: float
    ms: float
    status: int
    version: str
    error: str

    @property
    def answered(self) -> float:
        return self.t + self.ms / 1000

    @property
    def failed(self) -> bool:
        return bool(self.error) or self.status >= 500


@dataclass(frozen=True)
class VersionSeen:
    """What users saw of one version."""

    first: float
    last: float
    requests: int
    failed: int


@dataclass(frozen=True)
class Summary:
    """What users saw in a span of time. Requests that no version answered count in the totals only."""

    requests: int
    failed: int
    versions: dict[str, VersionSeen]


class RequestLog:
    """The load generator's file, read as it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._requests: list[UserRequest] = []

    def read(self) -> list[UserRequest]:
        """All requests written so far, in the order of their answers. A line that is not finished waits."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            self._requests += [UserRequest(**json.loads(line)) for line in whole.splitlines()]
        return self._requests


def between(requests: Iterable[UserRequest], start: float, end: float) -> list[UserRequest]:
    """The requests that users sent from ``start`` until just before ``end``."""
    return [request for request in requests if start <= request.t < end]


def summarise(requests: Iterable[UserRequest]) -> Summary:
    """Totals, and per version what users saw of it."""
    every = list(requests)
    versions: dict[str, VersionSeen] = {}
    for version in sorted({request.version for request in every} - {""}):
        seen = [request for request in every if request.version == version]
        answers = [request.answered for request in seen]
        versions[version] = VersionSeen(min(answers), max(answers), len(seen), sum(one.failed for one in seen))
    return Summary(len(every), sum(request.failed for request in every), versions)
