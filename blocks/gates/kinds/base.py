"""What every kind of Gate can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import httpx

from sluice.gates.answering.buttons import Seal
from sluice.gates.asked_for import NOTHING, AskedFor
from sluice.manifests.flagger.canary import Canary
from sluice.manifests.own.audit_record import Act
from sluice.manifests.own.gate import Gate
from sluice.manifests.own.gate_state import GateState
from sluice.notices.message import Message

if TYPE_CHECKING:
    from blocks.gates.table import Gates
    from blocks.kubernetes.cluster import Cluster
    from blocks.kubernetes.informers import Informers
    from blocks.kubernetes.tenants import Tenants


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to a Gate.

    Attributes:
        gate: the Gate.
        canary: whose release asks.
        point: at which point of the rollout, a webhook type of Flagger's.
        revision, version: that is released; by its hash, and as people call it.
        now: seconds since the epoch.
        state: what the journal of this release keeps of the Gate.
        said: what people have asked of this release.
    """

    gate: Gate
    canary: Canary
    point: str
    revision: str
    version: str
    now: float
    state: GateState
    said: AskedFor = NOTHING

    @property
    def waited(self) -> float:
        """Seconds since the Gate was asked first."""
        return max(self.now - self.state.since, 0.0) if self.state.since else 0.0


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What a Gate said.

    Attributes:
        open: whether the release may go on.
        said: why, in one line, for people.
        refused: it will not open for this revision: the release goes home with what it said.
        keep: what the journal is to keep from now on; None where it stays.
        acts: `act` is to be called, once `keep` is in the journal.
        again: seconds after which asking again makes sense; None for the usual pace. What people say is heard at once.
        announced: people are asked in a message of the Gate's own.
        did: what has just happened that belongs into the audit trail.
    """

    open: bool
    said: str
    refused: bool = False
    keep: Mapping[str, Any] | None = None
    acts: bool = False
    again: float | None = None
    announced: bool = False
    did: Act | None = None


class Board(Protocol):
    """A chat whose messages can be changed."""

    async def say(self, message: Message) -> str:
        """Post a message; returns what the chat knows it by."""

    async def change(self, posted: str, message: Message) -> None:
        """Let a message say something else; raise NotFoundError where somebody has deleted it."""


class GateKind(Protocol):
    """One kind of Gate."""

    async def ask(self, asked: Asked) -> GateAnswer:
        """What the Gate says now. It changes nothing outside, and may be asked any number of times by any worker.

        What cannot be asked is a closed gate that says why.
        """


@runtime_checkable
class ActingGateKind(GateKind, Protocol):
    """One kind of Gate that does something outside, too: its answers may have `acts`."""

    async def act(self, asked: Asked) -> GateAnswer:
        """Do what the last answer was to do, with the intent in `asked.state.kept`; again where a worker died in it.

        Called for answers with `acts` alone.
        """


@dataclass(frozen=True, slots=True)
class Ways:
    """What a kind of Gate may reach.

    Attributes:
        cluster, informers: the cluster; asked directly, and by shared watches.
        http: a client for services of users.
        webhooks: asks one service by the scheme of its address.
        metrics: the providers of metrics, `blocks.metrics.providers.Providers`.
        tenants: the way to other clusters.
        home: sluice's own namespace.
        board, seal: where people are asked by messages with buttons, and what seals those; None where they are not.
    """

    cluster: Cluster
    informers: Informers
    http: httpx.AsyncClient
    webhooks: Gates
    metrics: Any = None
    tenants: Tenants | None = None
    home: str = ""
    board: Board | None = None
    seal: Seal | None = None
