"""`sluice doctor`: whether everything outside that this installation needs is there, one finding a thing.

It connects as a worker does but takes no lease and writes nothing, so that it may run next to one. Whether it has a right it
asks by access reviews, which are stored nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import httpx

from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import CANARY
from blocks.pings import Pinged
from deployments import wiring
from deployments.doors.senders import all_senders
from deployments.home import Home
from deployments.installed import Installed, all_providers
from deployments.rights.review import Reviewer
from deployments.settings import Settings
from sluice.addresses import cleaned
from sluice.errors import NotFoundError, SluiceError

WITHIN = 10.0
"""Seconds that one thing may take to answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing.

    Attributes:
        about: what it is.
        well: None where this installation does not use it.
        said: what answered, or what is wrong and the way out.
    """

    about: str
    well: bool | None
    said: str


@dataclass(frozen=True, slots=True)
class Check:
    """One row of what is looked at.

    Attributes:
        opened: connects as the settings say, and gives what can be asked; nothing where the installation does not use it.
        way_out: what to do where it is not well, and where it is not used.
    """

    opened: Callable[[Settings], AbstractAsyncContextManager[Sequence[Pinged]]]
    way_out: str


@dataclass(frozen=True, slots=True)
class _Packages:
    """The installed packages that bring rows of their own, and whether they can be loaded."""

    name: str = "packages"

    async def ping(self) -> str:
        have = Installed.load()
        known = {"sender": [*all_senders()], "router": [*have.routers], "data plane": [*have.dataplanes]}
        known |= {"metrics": [*have.providers], "gate": [*have.gates], "stage": [one.stage.name for one in have.stages]}
        return "; ".join(f"{axis}: {', '.join(filter(None, names)) or 'none'}" for axis, names in known.items())


@dataclass(frozen=True, slots=True)
class _Canaries:
    """Whether sluice's main kind is installed, and may be read wherever this installation looks after it."""

    cluster: Cluster
    name: str = "Canaries"

    async def ping(self) -> str:
        try:
            await self.cluster.resource_for(CANARY.api_version, CANARY.kind)
        except NotFoundError as error:
            raise NotFoundError(f"{error} Install it with `sluice crds | kubectl apply -f -`") from error
        for namespace in self.cluster.namespaces or (None,):
            await self.cluster.server.call("GET", CANARY.path(namespace), {"limit": "1"})
        return f"may be read in {', '.join(self.cluster.namespaces) or 'all namespaces'}"


@asynccontextmanager
async def _packages(_: Settings) -> AsyncIterator[Sequence[Pinged]]:
    yield (_Packages(),)


@asynccontextmanager
async def _home(settings: Settings) -> AsyncIterator[Sequence[Pinged]]:
    yield (Home(settings.home),)


@asynccontextmanager
async def _cluster(settings: Settings) -> AsyncIterator[Sequence[Pinged]]:
    async with wiring.cluster_of(settings) as cluster:
        yield cluster, _Canaries(cluster)


@asynccontextmanager
async def _rights(settings: Settings) -> AsyncIterator[Sequence[Pinged]]:
    async with wiring.cluster_of(settings) as cluster:
        yield (Reviewer(cluster, settings.leases_in, settings.parts),)


@asynccontextmanager
async def _prefect(settings: Settings) -> AsyncIterator[Sequence[Pinged]]:
    async with wiring.prefect_of(settings) as prefect:
        yield (prefect,)


@asynccontextmanager
async def _metrics(settings: Settings) -> AsyncIterator[Sequence[Pinged]]:
    async with httpx.AsyncClient(timeout=WITHIN) as http:
        yield wiring.providers_of(settings, http, all_providers()).pinged()


@asynccontextmanager
async def _chat(settings: Settings) -> AsyncIterator[Sequence[Pinged]]:
    chat = wiring.chat_of(settings)
    yield (chat,) if isinstance(chat, Pinged) else ()


CHECKS: Mapping[str, Check] = {
    "packages": Check(_packages, "mend or uninstall the package that is named; see docs/extend"),
    "home": Check(_home, "docs/install.md says what is kept there"),
    "cluster": Check(
        _cluster, "name the cluster with SLUICE_KUBECONFIG and SLUICE_CONTEXT, and give sluice its rights there"
    ),
    "rights": Check(_rights, "give them to its service account; docs/install.md says how, and why of each"),
    "Prefect": Check(
        _prefect, "start it with `sluice up`, or name it with SLUICE_PREFECT_API_URL and SLUICE_PREFECT_AUTH"
    ),
    "metrics": Check(_metrics, "set SLUICE_METRICS_URL to a Prometheus, or spec.metricsServer on each Canary"),
    "chat": Check(_chat, "set SLUICE_SLACK_TOKEN and SLUICE_SLACK_CHANNEL"),
}
"""Git, registries and forges are not asked: their logins are in the cluster, one for each object that names them."""


async def examined(settings: Settings) -> list[Finding]:
    """All findings, in the order of the checks; what does not answer does not keep the others waiting."""
    checks = [_checked(about, check, settings) for about, check in CHECKS.items()]
    return [finding for found in await asyncio.gather(*checks) for finding in found]


async def _checked(about: str, check: Check, settings: Settings) -> list[Finding]:
    try:
        async with check.opened(settings) as things:
            if not things:
                return [Finding(about, None, f"not used: {check.way_out}")]
            return list(await asyncio.gather(*(_pinged(one, check.way_out) for one in things)))
    except SluiceError as error:
        return [Finding(about, False, f"{error}: {check.way_out}")]


async def _pinged(one: Pinged, way_out: str) -> Finding:
    try:
        async with asyncio.timeout(WITHIN):
            return Finding(one.name, True, await one.ping())
    except TimeoutError:
        return Finding(one.name, False, f"no answer within {WITHIN:g} s: {way_out}")
    except SluiceError as error:
        return Finding(one.name, False, f"{error}: {way_out}")
    except Exception as error:  # whatever a package's own connection raises: the others are to be heard too
        return Finding(one.name, False, f"{cleaned(repr(error))}: {way_out}")
