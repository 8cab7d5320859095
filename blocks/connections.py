"""The connections of this process, wired once by `deployments`, used by every stage.

Stages reach the outside only through here: one place to see what sluice talks to, and one place for tests to put fakes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, overload

from blocks.applied.applied import Applied
from blocks.kubernetes.rollouts.past import Past
from blocks.kubernetes.tenants import Tenants
from blocks.marking import Marking
from blocks.services import Services
from sluice.errors import TerminalError
from sluice.events.model import Event
from sluice.gates.answering.buttons import Seal
from sluice.measures.dataplanes import telemetry_for

if TYPE_CHECKING:
    from blocks.chat.base import Chat
    from blocks.code.reading import Reading
    from blocks.flags.base import FlagService
    from blocks.forges.base import Forge
    from blocks.gates.kinds.table import GateKinds
    from blocks.gates.table import Gates
    from blocks.git.mirrors import Git
    from blocks.helm.program import Helm
    from blocks.kubernetes.cluster import Cluster
    from blocks.kubernetes.informers import Informers
    from blocks.kubernetes.writer import Writer
    from blocks.leases.worker import WorkerLease, Workers
    from blocks.metrics.base import Counters, Values
    from blocks.registries.base import Registry, Way
    from blocks.registries.pulls import Puller
    from blocks.renderers.base import Renderer
    from blocks.routers.base import Router
    from blocks.trees import Trees
    from sluice.credentials import RegistryCredentials
    from sluice.images.reference import Repository
    from sluice.manifests.flagger.canary import Canary
    from sluice.manifests.own.flag_service import FlagServiceReference
    from sluice.measures.objective import Telemetry


class Events(Protocol):
    """Where events go so that automations see them."""

    async def post(self, events: Sequence[Event]) -> int:
        """Return when all are accepted, and how many were new; raise TransientError where nobody took them."""


class RouterFactory(Protocol):
    """Makes the router that a Canary's `spec.provider` names."""

    def __call__(self, provider: str, writer: Writer) -> Router:
        """Raise InvalidError where there is no such router."""


class RouterFactories(Protocol):
    """Makes the routers that a Canary's `spec.provider` does not name."""

    def __call__(self, provider: str, writer: Writer) -> Sequence[Router]:
        """It may have named one of them before."""


class ForgeFactory(Protocol):
    """Finds the forge of a repository."""

    def __call__(self, url: str) -> Forge | None:
        """None where this installation has no way into it."""

    def with_login(self, url: str, login: Mapping[str, str], whence: str) -> Forge:
        """The forge by the login of a Secret; raise InvalidError where a key of it is missing."""


class RegistryFactory(Protocol):
    """The registries of a provider, as an ImageRepository's `spec.provider` names it."""

    def __call__(self, provider: str) -> Registry:
        """One without a row of its own is spoken to as any registry."""

    async def login(self, provider: str, where: Repository, way: Way) -> RegistryCredentials | None:
        """The login that a provider gives us for a repository; None where Secrets say it.

        Raises:
            InvalidError: there is no such provider, or the repository is not one of its own.
            TransientError, TerminalError: it does not answer, or refuses.
        """


class FlagServices(Protocol):
    """The services of feature flags."""

    async def __call__(self, reference: FlagServiceReference, namespace: str) -> FlagService:
        """The service that an object of a namespace names, by the Secret of that namespace that it names.

        Raises:
            InvalidError: there is no such type of service, or a key of the Secret is missing.
            NotFoundError: the Secret is not there.
        """


class RendererFactory(Protocol):
    """Makes the renderer for a kind of manifest."""

    def __call__(self, kind: str) -> Renderer:
        """Raise InvalidError where there is none."""


class MetricsFactory(Protocol):
    """Makes metrics providers at an address; the installation's own where it is empty."""

    def values(self, kind: str, address: str = "") -> Values:
        """Raise InvalidError where there is no such type of provider, TerminalError where no address is known."""

    def counters(self, address: str = "") -> Counters:
        """Raise TerminalError where no address is known."""


T = TypeVar("T")


class Part(Generic[T]):
    """A connection that not every process has: who reads one that is missing gets the error that says so."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, wired: None, owner: type) -> None: ...

    @overload
    def __get__(self, wired: Connections, owner: type) -> T: ...

    def __get__(self, wired: Connections | None, owner: type) -> T | None:
        """The connection.

        Raises:
            TerminalError: this installation has none; the message says which.
        """
        if wired is None:
            return None  # where `dataclass` looks for the default
        there: T | None = vars(wired).get(self._name)
        if there is None:
            raise TerminalError(f"this installation of sluice has no {self._name} connection: see `sluice up --help`")
        return there

    def __set__(self, wired: Connections, there: T | None) -> None:
        vars(wired)[self._name] = there


@dataclass(kw_only=True, repr=False, eq=False)
class Connections:
    """What this process is connected to. Chat and forge are None where an installation has none: releases go on without."""

    cluster: Cluster
    router: RouterFactory
    metrics: MetricsFactory
    gates: Gates
    informers: Informers
    """What is in the cluster, by shared watches."""
    lease: WorkerLease
    """This process's sign of life, which its rollouts rest on."""
    workers: Workers
    """What is known of the signs of life of others."""
    gate_kinds: Part[GateKinds] = Part()
    """Gates as objects of the cluster."""
    called: str = ""
    """The name of this cluster, by which a Freeze may ask for it."""
    home: str = ""
    """sluice's own namespace: what lies there may have a say in others."""
    scope: str = ""
    """What tells this installation from others that keep their Leases in the same namespace."""
    tenants: Tenants = field(default_factory=Tenants)
    """Other clusters, and the rules for who applies what with whose rights."""
    past: Past = field(default_factory=Past)
    """What workloads were before."""
    applied: Applied = field(default_factory=Applied)
    """What syncs have applied, and what of it has changed since."""
    others: RouterFactories = lambda provider, writer: ()
    """The routers of other providers, which have to let go where a Canary's provider was changed."""
    services: Callable[[Writer], Services] = Services
    """Makes and reads the Services of a Canary."""
    telemetry: Callable[[Canary], Telemetry | None] = telemetry_for
    """How requests to a Canary's sides are counted on their way; None where nothing counts them."""
    git: Part[Git] = Part()
    helm: Part[Helm] = Part()
    registry: Part[RegistryFactory] = Part()
    artifacts: Part[Puller] = Part()
    """What registries have besides images to run."""
    trees: Part[Trees] = Part()
    """The files of sources."""
    renderer: Part[RendererFactory] = Part()
    prefect: Part[Events] = Part()
    code: Part[Reading] = Part()
    """Reads code of repositories."""
    flags: Part[FlagServices] = Part()
    marking: Marking = field(default_factory=Marking)
    """How releases are marked outside."""
    chat: Chat | None = None
    seal: Seal | None = None
    """Seals what people press in chat; None where nobody hears of it."""
    forge: ForgeFactory | None = None


_current: Connections | None = None


def connections() -> Connections:
    """The connections of this process.

    Raises:
        TerminalError: nothing was wired: the flow was not started by a sluice worker.
    """
    if _current is None:
        raise TerminalError(
            "no connections are wired in this process: run flows through `sluice worker`, or wrap the call in `connected()`"
        )
    return _current


@contextmanager
def connected(wired: Connections) -> Iterator[Connections]:
    """Make `wired` the connections of this process for the duration of the block."""
    global _current  # noqa: PLW0603 - one process has one set of connections; flows cannot be handed arguments by Prefect
    before, _current = _current, wired
    try:
        yield wired
    finally:
        _current = before
