"""Bring a HelmRelease to what its manifest and its chart's source say now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from blocks.connections import Connections, connections
from blocks.kubernetes.cluster import Cluster
from blocks.kubernetes.kinds import HELM_RELEASE
from blocks.kubernetes.tenants import tenant
from sluice.errors import NotFoundError, SluiceError, TerminalError, TransientError
from sluice.helm import record
from sluice.helm.conditions import not_ready, updated
from sluice.helm.decision import Decision, Step, Wanted
from sluice.helm.names import release_name
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.ignoring import refuse_rules
from sluice.sync.kustomizations.health_checks import refuse_expressions
from tasks.helm.chart import Chart, chart_of, forget_chart
from tasks.helm.dependencies import awaited
from tasks.helm.leave import uninstalled
from tasks.helm.look import Look
from tasks.helm.released import Released
from tasks.helm.run import BusyError, ReleaseRun, claimed
from tasks.helm.status import held, now, posted, write
from tasks.helm.values import masked, values_of
from tasks.stage import stage


@stage("release chart", run_name="release {namespace}/{name}")
async def sync_release(namespace: str, name: str) -> Released:
    """Release a chart. Idempotent; a run that died is gone on with.

    Raises:
        TerminalError: it cannot be released; its conditions say why.
        TransientError: the cluster or a source does not answer.
    """
    wired = connections()
    found = await wired.cluster.get(HELM_RELEASE, name, namespace)
    if not wired.cluster.acts_on(HELM_RELEASE, found):
        return Released(said="left to Flux")
    release = HelmRelease.parse(found)
    if release.spec.suspend or release.metadata.deletion_timestamp:
        return Released(said="left alone")
    release = await held(wired.cluster, release)
    async with _said_on(wired, release, "InvalidCELExpression"):
        refuse_expressions(release.spec.health_check_exprs)
        missing = await awaited(wired.cluster, release)
    if missing:
        await write(wired.cluster, release, record.waiting(release, "DependencyNotReady", missing, now()))
        return Released(said=missing, waits=True)
    async with _said_on(wired, release, "InvalidIgnoreRule"):
        refuse_rules(release.spec.drift_detection.ignore, "spec.driftDetection.ignore", whole=True)
    async with _said_on(wired, release, "ProgramMissing"):
        wired.helm.there()
    async with _said_on(wired, release, "ArtifactFailed"):
        wired.tenants.refuse_foreign(release.namespace, release.chart)
        chart = await chart_of(wired, release)
    async with _said_on(wired, release, "ValuesError"):
        values, hidden = await values_of(wired.cluster, release)
    async with AsyncExitStack() as stack:
        async with _said_on(wired, release, "RESTClientError"):
            cluster = await stack.enter_async_context(tenant(wired, release))
        release = await _in_its_place(wired, cluster, release, chart)
        wanted = Wanted(chart.name, chart.version, chart.app_version, values, chart.digest)
        return await _run(wired, ReleaseRun(Look(wired, cluster, chart, wanted, hidden), release))


async def _run(wired: Connections, run: ReleaseRun) -> Released:
    try:
        ending = await run.to_its_end()
    except BusyError:
        return Released(said="another run is at it")
    except TerminalError as error:
        await _write_down(
            wired, run.release, not_ready(run.release, "StateError", masked(str(error), run.look.hidden), now())
        )
        raise
    return _came_to(run, ending)


def _came_to(run: ReleaseRun, ending: Decision) -> Released:
    """What the flow says of it.

    Raises:
        TerminalError: no try is left, or the release failed and is tried again later.
    """
    done = ", ".join(str(step) for step in run.acts)
    if ending.step is Step.STALLED:
        raise TerminalError(f"{run.release}: {ending.said}{f' ({done})' if done else ''}")
    if ending.step is Step.DONE:
        return Released(said=done or "as wanted")
    return Released(said=f"{done}; goes on later: {ending.reason}" if done else ending.reason)


async def _in_its_place(wired: Connections, cluster: Cluster, release: HelmRelease, chart: Chart) -> HelmRelease:
    """The HelmRelease, after what it made elsewhere was uninstalled, and the HelmChart that it had."""
    if release.status.helm_chart not in {"", chart.helm_chart}:
        await forget_chart(wired, release.status.helm_chart)
    release = await write(wired.cluster, release, updated(release, helm_chart=chart.helm_chart))
    latest = release.status.latest
    if latest is None or not release.status.storage_namespace:
        return release
    other_chart = chart.name != latest.chart_name and release.spec.upgrade.chart_name_change_strategy != "InPlaceUpdate"
    moved = (release.storage_namespace, release.release_namespace, release_name(release)) != (
        release.status.storage_namespace,
        latest.namespace,
        latest.name,
    )
    if not (moved or other_chart):
        return release
    async with claimed(wired, release):
        return await uninstalled(wired, cluster, release)


@asynccontextmanager
async def _said_on(wired: Connections, release: HelmRelease, reason: str) -> AsyncIterator[None]:
    """Have an error said on the HelmRelease before it goes on its way."""
    try:
        yield
    except (TerminalError, TransientError) as error:
        after = not_ready(release, reason, str(error), now())
        if after.status != release.status:
            await _write_down(wired, release, after)
            await posted(wired.cluster, release, reason, str(error), warning=True)
        raise


async def _write_down(wired: Connections, release: HelmRelease, after: HelmRelease) -> None:
    try:
        await write(wired.cluster, release, record.finished(after, observed=False))
    except (NotFoundError, SluiceError):
        return  # it is gone, or somebody wrote to it: the error itself says more
