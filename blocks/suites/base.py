"""What every service that runs end-to-end suites can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import httpx

from sluice.errors import TerminalError
from sluice.gates.suite import Outcome, filled
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gates.suite import SuiteSpec

if TYPE_CHECKING:
    from blocks.kubernetes.cluster import Cluster


class UnclearError(TerminalError):
    """Whether a suite was started cannot be found out: starting it could be the second time."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One attempt at a suite.

    Attributes:
        gate: whose suite.
        key: what the start carries, and by which it is found again.
        since: when it was intended first, seconds since the epoch.
        now: the present.
        values: of the places in the Gate's texts, `sluice.manifests.own.gates.suite.PLACES`.
    """

    gate: Gate
    key: str
    since: float
    now: float
    values: Mapping[str, str]

    @property
    def suite(self) -> SuiteSpec:
        """What the Gate says of its suite."""
        assert self.gate.spec.suite is not None  # noqa: S101 - the table gives a Gate to the kind that it names
        return self.gate.spec.suite

    def filled(self, text: str, field: str) -> str:
        """A text with its places filled in."""
        return filled(text, self.values, field)

    def all_filled(self, texts: Mapping[str, str], field: str) -> dict[str, str]:
        """Texts by name with their places filled in."""
        return {name: self.filled(text, f"{field}.{name}") for name, text in texts.items()}


@dataclass(frozen=True, slots=True)
class Started:
    """A suite that was started.

    Attributes:
        id: by which its service knows it; empty where it did not say.
        url: for people; empty where there is none.
    """

    id: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a suite is.

    Attributes:
        said: more of it, for people; the same text for as long as nothing changes, for it is written down.
        url: of its report; empty for that of the start.
    """

    outcome: Outcome
    said: str = ""
    url: str = ""


RUNNING = Progress(Outcome.RUNNING)


class Suite(Protocol):
    """One service. Any call may raise TransientError, it is away or wants to be left alone; or TerminalError, it refuses."""

    @property
    def settles(self) -> float:
        """Seconds after a start until `find` finds it for certain."""

    async def start(self, launch: Launch) -> Started:
        """Start it. Called once for a key, unless `find` has not found it."""

    async def find(self, launch: Launch) -> Started | None:
        """The run that was started with that key; None where there is none.

        Raises:
            UnclearError: it cannot be said.
        """

    async def progress(self, launch: Launch, run: str) -> Progress:
        """How far the run of that id is, by as few requests as can be.

        Raises:
            NotFoundError: it is gone.
        """

    async def cancel(self, launch: Launch, run: str) -> None:
        """Stop a run that nobody waits for any more."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a service of suites may reach.

    Attributes:
        cluster: where Secrets and Jobs are.
        http: a client.
    """

    cluster: Cluster
    http: httpx.AsyncClient
