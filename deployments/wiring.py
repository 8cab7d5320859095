"""Wiring: makes the connections that an installation's settings ask for. The only place that knows all implementations."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import httpx

from blocks.applied.applied import remembering
from blocks.chat.base import Chat, ChatAddress
from blocks.chat.table import chat_for
from blocks.code.reading import Reading
from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.flags.table import FlagServices
from blocks.forges.table import Forges, forges
from blocks.gates.http import webhook_client
from blocks.gates.kinds.base import Ways
from blocks.gates.kinds.table import GateKinds
from blocks.gates.table import Gates
from blocks.git.mirror import Remote
from blocks.git.mirrors import Git
from blocks.helm.program import Helm
from blocks.kubernetes.beside_flux import GivenToSluice
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.kubernetes.tenants import Tenants
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.marking import Marking
from blocks.metrics import Row as MetricsRow
from blocks.metrics.providers import Providers
from blocks.prefect.api import PrefectEvents
from blocks.registries.pulls import Puller
from blocks.registries.table import open_registries
from blocks.renderers.table import renderer_for
from blocks.routers import other_routers, router_for
from blocks.sink import Sink
from blocks.sources.git import remote_of
from deployments.installed import Installed
from deployments.settings import Settings
from sluice.gates.answering.buttons import Seal
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.own.flag_service import FlagServiceReference
from sluice.measures.dataplanes import telemetry_for
from tasks.rollout.table import with_own_stages


@asynccontextmanager
async def connected(settings: Settings, life: str = "") -> AsyncIterator[Connections]:
    """Connect this process as the settings say, for the duration of the block.

    Args:
        settings: of the installation.
        life: which life of the worker this is, for its Lease.

    Raises:
        TerminalError: there is no way to the cluster, or what an installed package brings cannot be loaded.
    """
    installed = Installed.load()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        cluster = await stack.enter_async_context(cluster_of(settings))
        prefect = await stack.enter_async_context(prefect_of(settings))
        registry = await stack.enter_async_context(open_registries())
        git, identity = Git(home=settings.home / "git"), process_identity(settings.worker_name, life)
        wired = Connections(
            cluster=cluster,
            router=partial(router_for, rows=installed.routers),
            others=partial(other_routers, rows=installed.routers),
            metrics=providers_of(settings, http, installed.providers),
            gates=Gates(await stack.enter_async_context(webhook_client()), installed.gates),
            telemetry=partial(telemetry_for, rows=installed.dataplanes),
            home=settings.leases_in,
            called=settings.cluster,
            informers=await stack.enter_async_context(informed(cluster, settings.namespaces)),
            lease=await stack.enter_async_context(kept(cluster, settings.leases_in, identity)),
            workers=Workers(cluster),
            scope=scope_of(settings),
            applied=await stack.enter_async_context(remembering(cluster, settings.namespaces)),
            chat=chat_of(settings),
            git=git,
            trees=git.trees,
            helm=Helm(home=settings.home / "helm"),
            code=Reading(settings.home / "code"),
            registry=registry,
            artifacts=await stack.enter_async_context(Puller()),
            tenants=await stack.enter_async_context(tenants_of(settings)),
            renderer=partial(renderer_for, remote=settings.remote_bases, strict=settings.strict_substitution),
            prefect=prefect,
            flags=FlagServices(http, cluster, git, partial(_flags_repository, cluster)),
            forge=forges_of(settings, http),
            marking=Marking(settings.environment, Sink(http, sink) if (sink := settings.cdevents_sink) else None),
        )
        wired.seal = seal_of(settings)
        wired.gate_kinds = gate_kinds_of(wired, http)
        with in_this_process(wired), with_own_stages(installed.stages):
            yield wired


def forges_of(settings: Settings, http: httpx.AsyncClient) -> Forges:
    """The forges that the installation itself can get into."""
    tokens = {"github.com": settings.github_token, "gitlab.com": settings.gitlab_api_token}
    return forges(http, tokens, settings.github_app_login)


async def _flags_repository(cluster: Cluster, reference: FlagServiceReference, namespace: str) -> Remote:
    """The repository of a file of flags, with the login that a GitRepository would have."""
    secret = reference.secret_ref.model_dump() if reference.secret_ref else None
    spec = {"url": reference.address, "secretRef": secret, "timeout": reference.timeout, "interval": "1h"}
    return await remote_of(
        cluster, GitRepository.parse({"metadata": {"name": "flags", "namespace": namespace}, "spec": spec})
    )


def scope_of(settings: Settings) -> str:
    """What tells an installation from another one that acts on other objects, in a few letters."""
    what = (settings.work_pool, settings.namespaces, settings.flux_selector)
    return hashlib.sha256(repr(what).encode()).hexdigest()[:8]


@asynccontextmanager
async def tenants_of(settings: Settings) -> AsyncIterator[Tenants]:
    """The rules for tenants, and the connections to other clusters that come about."""
    tenants = Tenants(settings.default_service_account, settings.no_cross_namespace_refs)
    try:
        yield tenants
    finally:
        await tenants.close()


@asynccontextmanager
async def acting(settings: Settings) -> AsyncIterator[Connections]:
    """Connect this process for an act of a command on one Canary: to the cluster, under a Lease of its own, and to flags.

    Raises:
        TerminalError: there is no way to the cluster.
    """
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        cluster = await stack.enter_async_context(cluster_of(settings))
        git, identity = Git(home=settings.home / "git"), process_identity("command")
        nothing: Any = None
        wired = Connections(
            cluster=cluster,
            router=partial(router_for, rows=Installed.load().routers),
            metrics=nothing,
            gates=nothing,
            informers=await stack.enter_async_context(informed(cluster, settings.namespaces)),
            lease=await stack.enter_async_context(kept(cluster, settings.leases_in, identity)),
            workers=Workers(cluster),
            git=git,
            flags=FlagServices(http, cluster, git, partial(_flags_repository, cluster)),
        )
        with in_this_process(wired):
            yield wired


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Connections]:
    """Connect this process for looks alone: to the cluster, and to sources. It has no Lease, and starts nothing.

    Raises:
        TerminalError: there is no way to the cluster.
    """
    nothing: Any = None
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        cluster = await stack.enter_async_context(cluster_of(settings))
        git = Git(home=settings.home / "git")
        wired = Connections(
            cluster=cluster,
            router=nothing,
            metrics=nothing,
            gates=nothing,
            informers=nothing,
            lease=nothing,
            workers=Workers(cluster),
            git=git,
            code=Reading(settings.home / "code"),
            flags=FlagServices(http, cluster, git, partial(_flags_repository, cluster)),
            registry=await stack.enter_async_context(open_registries()),
            tenants=await stack.enter_async_context(tenants_of(settings)),
            renderer=partial(renderer_for, remote=settings.remote_bases, strict=settings.strict_substitution),
        )
        with in_this_process(wired):
            yield wired


@asynccontextmanager
async def cluster_of(settings: Settings) -> AsyncIterator[Cluster]:
    """The cluster that the settings name.

    Raises:
        TerminalError: there is no way to it; the message says what was tried.
    """
    kubeconfig = str(settings.kubeconfig) if settings.kubeconfig else None
    cluster = await Cluster.connect(kubeconfig, settings.context, settings.service_account, settings.namespaces)
    cluster.given = GivenToSluice(settings.flux_selected)
    try:
        yield cluster
    finally:
        await cluster.close()


@asynccontextmanager
async def prefect_of(settings: Settings, timeout: float = 2.5) -> AsyncIterator[PrefectEvents]:
    """The way to Prefect's events API; `timeout` are the seconds for one call."""
    async with PrefectEvents(settings.api_url, auth=settings.prefect_login, timeout=timeout) as api:
        yield api


def providers_of(settings: Settings, http: httpx.AsyncClient, rows: Mapping[str, MetricsRow]) -> Providers:
    """The metrics providers of these types, with the installation's own addresses."""
    return Providers(http, {"prometheus": settings.metrics_url or ""}, rows)


def chat_of(settings: Settings) -> Chat | None:
    """The installation's channel; None where it has none."""
    if settings.slack_token is None:
        return None
    address = ChatAddress(token=settings.slack_token, channel=settings.slack_channel, url=settings.slack_url)
    return chat_for("slack", address)


def gate_kinds_of(wired: Connections, http: httpx.AsyncClient) -> GateKinds:
    """The kinds of Gates with what they may reach; people are asked where there is a chat whose buttons are heard."""
    return GateKinds(
        Ways(
            cluster=wired.cluster,
            informers=wired.informers,
            http=http,
            webhooks=wired.gates,
            metrics=wired.metrics,
            tenants=wired.tenants,
            home=wired.home,
            board=wired.chat if wired.seal else None,
            seal=wired.seal,
        )
    )


def seal_of(settings: Settings) -> Seal | None:
    """What seals buttons in chat; None where nobody would hear of them."""
    secret = settings.slack_signing_secret
    return Seal(secret.get_secret_value()) if secret and settings.hears_slack else None
