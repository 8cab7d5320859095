"""Wiring: makes the connections that an installation's settings ask for. The only place that knows all implementations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import httpx

from blocks.chat.base import Chat, ChatAddress
from blocks.chat.table import chat_for
from blocks.connections import Connections
from blocks.connections import connected as in_this_process
from blocks.forges.table import forges
from blocks.gates.table import Gates
from blocks.git.mirrors import Git
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.informers import informed
from blocks.leases.process_identity import process_identity
from blocks.leases.worker import Workers, kept
from blocks.metrics.providers import Providers
from blocks.prefect.api import PrefectEvents
from blocks.registries.table import open_registries
from blocks.renderers.table import renderer_for
from blocks.routers import router_for
from deployments.installed import Installed
from deployments.settings import Settings
from sluice.measures.dataplanes import telemetry_for
from tasks.rollout.table import with_own_stages


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Connections]:
    """Connect this process as the settings say, for the duration of the block.

    Raises:
        TerminalError: there is no way to the cluster, or what an installed package brings cannot be loaded.
    """
    installed = Installed.load()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        kubeconfig = str(settings.kubeconfig) if settings.kubeconfig else None
        cluster = await Cluster.connect(kubeconfig, settings.context, settings.service_account, settings.namespaces)
        stack.push_async_callback(cluster.close)
        auth = settings.prefect_auth.get_secret_value() if settings.prefect_auth else None
        prefect = await stack.enter_async_context(PrefectEvents(settings.api_url, auth=auth))
        registry = await stack.enter_async_context(open_registries())
        wired = Connections(
            cluster=cluster,
            router=partial(router_for, rows=installed.routers),
            metrics=Providers(http, {"prometheus": settings.metrics_url or ""}, installed.providers),
            gates=Gates(http, installed.gates),
            telemetry=partial(telemetry_for, rows=installed.dataplanes),
            seen=await stack.enter_async_context(informed(cluster, settings.namespaces)),
            lease=await stack.enter_async_context(
                kept(cluster, settings.leases_in, process_identity(settings.worker_name))
            ),
            workers=Workers(cluster),
            chat=_chat(settings),
            git=Git(home=settings.home / "git"),
            registry=registry,
            renderer=renderer_for,
            prefect=prefect,
            forge=forges(http, {"github.com": settings.github_token}),
        )
        with in_this_process(wired), with_own_stages(installed.stages):
            yield wired


def _chat(settings: Settings) -> Chat | None:
    if settings.slack_token is None:
        return None
    address = ChatAddress(token=settings.slack_token, channel=settings.slack_channel, url=settings.slack_url)
    return chat_for("slack", address)
