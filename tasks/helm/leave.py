"""The end of a release: uninstalled where its HelmRelease was deleted, or where it is to be somewhere else."""

from __future__ import annotations

import time

from blocks.connections import Connections, connections
from blocks.helm.passage import passage
from blocks.helm.storage import revisions
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import HELM_RELEASE, SERVICE_ACCOUNT
from blocks.kubernetes.tenants import tenant
from sluice.errors import InvalidError, NotFoundError
from sluice.helm.arguments import Place, arguments, timeout_of
from sluice.helm.conditions import RELEASED, marked, not_ready, updated
from sluice.helm.decision import Step
from sluice.manifests.flux.helm.release import FINALIZER, HelmRelease
from tasks.helm.acts import MORE, WAITS
from tasks.helm.chart import forget_chart
from tasks.helm.look import Owned, rules_of
from tasks.helm.released import Released
from tasks.helm.run import claimed
from tasks.helm.status import let_go, now, posted, write
from tasks.stage import stage


@stage("uninstall", run_name="uninstall {namespace}/{name}")
async def leave(namespace: str, name: str) -> Released:
    """Uninstall the release of a HelmRelease that was deleted, and let go of it. Its chart's source is not needed.

    One that is suspended stays installed, as in Flux.

    Raises:
        InvalidError: helm could not; the HelmRelease says why, and stays.
        TransientError: the cluster does not answer.
    """
    wired = connections()
    try:
        found = await wired.cluster.get(HELM_RELEASE, name, namespace)
    except NotFoundError:
        return Released(said="is gone")
    if not wired.cluster.acts_on(HELM_RELEASE, found):
        return Released(said="left to Flux")
    release = HelmRelease.parse(found)
    if not release.metadata.deletion_timestamp or FINALIZER not in release.metadata.finalizers:
        return Released(said="stays")
    said = "left as it is"
    if not release.spec.suspend:
        async with claimed(wired, release):
            said = await _undone(wired, release)
            release = HelmRelease.parse(await wired.cluster.get(HELM_RELEASE, name, namespace))
            await forget_chart(wired, release.status.helm_chart)
    await let_go(wired.cluster, release)
    return Released(said=said)


async def _undone(wired: Connections, release: HelmRelease) -> str:
    """Uninstall as who installed; where that account or the way to its cluster is gone, nobody is left who could."""
    try:
        async with tenant(wired, release) as cluster:
            account = release.spec.service_account_name or wired.tenants.default_service_account
            if account and release.spec.kube_config is None:
                await wired.cluster.get(SERVICE_ACCOUNT, account, release.namespace)
            await uninstalled(wired, cluster, release)
    except NotFoundError as error:
        return f"left as it is: {error}"
    return "uninstalled"


async def uninstalled(wired: Connections, cluster: Cluster, release: HelmRelease) -> HelmRelease:
    """The HelmRelease after what helm has made of it was uninstalled; nothing is where nothing of it is known.

    Raises:
        InvalidError: helm could not; the HelmRelease says why.
    """
    latest, storage = release.status.latest, release.status.storage_namespace
    if latest is None or not storage:
        return release
    found = await revisions(cluster, storage, latest.name)
    if found and found[0].status != "uninstalled":
        await _uninstall(wired, cluster, release)
    after = marked(
        updated(
            release,
            history=(),
            storage_namespace="",
            inventory=None,
            failures=0,
            install_failures=0,
            upgrade_failures=0,
        ),
        RELEASED,
        "False",
        "UninstallSucceeded",
        f"Helm uninstall succeeded for release {latest.full_name} with chart {latest.chart}",
        now(),
    )
    return await write(wired.cluster, release, after)


async def _uninstall(wired: Connections, cluster: Cluster, release: HelmRelease) -> None:
    latest = release.status.latest
    assert latest is not None  # noqa: S101  # the caller has looked
    place = {"target_namespace": latest.namespace, "storage_namespace": release.status.storage_namespace}
    where = release.model_copy(update={"spec": release.spec.model_copy(update=place)})
    owned = Owned(cluster)
    begun = time.monotonic()
    try:
        async with (
            wired.helm.run() as run,
            passage(cluster, rules_of(owned, where, Step.UNINSTALL, lambda: None)) as way,
        ):
            run.give_way(way)
            said = arguments(where, Step.UNINSTALL, Place(), server_side=False)
            await run.call(said, WAITS * timeout_of(where, Step.UNINSTALL) + MORE)
    except InvalidError as error:
        if "not found" in str(error) and not await revisions(cluster, where.storage_namespace, latest.name):
            return
        message = f"Helm uninstall failed for release {latest.full_name} with chart {latest.chart}: {error}"
        failed = marked(release, RELEASED, "False", "UninstallFailed", message, now())
        await write(wired.cluster, release, not_ready(failed, "UninstallFailed", message, now()))
        await posted(wired.cluster, release, "UninstallFailed", message, warning=True)
        raise
    took = time.monotonic() - begun
    await posted(wired.cluster, release, "UninstallSucceeded", f"uninstalled in {took:.1f} s", warning=False)
