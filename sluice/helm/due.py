"""When a HelmRelease is looked at: when it is new, changed or asked for, when its source moved, and when a time is over."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.events.model import SourceChanged
from sluice.manifests.conditions import READY, find_condition
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import FINALIZER, REQUESTED_AT, HelmRelease
from sluice.manifests.flux.helm.repository import HelmRepository
from sluice.manifests.references import SourceKey
from sluice.sync.kustomizations.due import LEAST, span

AGAIN = 60.0
"""Seconds before what did not come to its end is tried again."""


def is_leaving(release: HelmRelease) -> bool:
    """Whether it was deleted and waits for what helm has made of it to be uninstalled."""
    return bool(release.metadata.deletion_timestamp) and FINALIZER in release.metadata.finalizers


def rests(release: HelmRelease) -> bool:
    """Whether nothing is to be done for it."""
    return not is_leaving(release) and (release.spec.suspend or bool(release.metadata.deletion_timestamp))


def looked_at_after(release: HelmRelease) -> float:
    """Seconds between two looks: its interval where it is ready, else that of a retry."""
    status = release.status
    ready = find_condition(status.conditions, READY)
    settled = status.observed_generation == release.metadata.generation
    if is_leaving(release) or ready is None or (ready.status != "True" and not settled):
        return max(LEAST, release.retry.retry_interval if release.retry else AGAIN)
    return max(LEAST, min(release.spec.interval, _chart_interval(release)))


def event_at(release: HelmRelease, now: float) -> SourceChanged:
    """The event of the present span of time: however often it is looked for, it is one."""
    every = looked_at_after(release)
    return _event(release, f"{every:.0f}/{span(every, release.metadata.uid, now)}")


def event_of_change(release: HelmRelease) -> SourceChanged:
    """The event of a new or changed HelmRelease, or of one that somebody asks to have looked at, or has deleted."""
    meta = release.metadata
    asked = meta.annotations.get(REQUESTED_AT, "")
    return _event(release, f"{meta.generation}/{asked}/{meta.deletion_timestamp}")


def event_of_source(release: HelmRelease, source: HelmChart | HelmRepository) -> SourceChanged:
    """The event of a changed HelmChart or HelmRepository, or of one that somebody asks to have looked at: its release is."""
    meta = source.metadata
    return _event(release, f"{meta.uid}/{meta.generation}/{meta.annotations.get(REQUESTED_AT, '')}")


def is_asked(chart: HelmChart) -> bool:
    """Whether somebody asks to have a HelmChart looked at, and has no answer; a suspended one gives none."""
    return not chart.spec.suspend and chart.metadata.annotations.get(REQUESTED_AT, "") not in {
        "",
        chart.status.last_handled_reconcile_at,
    }


def event_of_move(release: HelmRelease, revision: str, now: float) -> SourceChanged:
    """The event of a repository that is at another revision; what came to nothing is tried once more in the next minute."""
    return _event(release, f"{revision}/{span(AGAIN, release.metadata.uid, now)}")


def source_of(release: HelmRelease, charts: Mapping[SourceKey, HelmChart]) -> SourceKey:
    """The source that its chart is taken from in the end."""
    if release.spec.chart:
        reference = release.spec.chart.spec.source_ref
        return SourceKey(reference.kind, reference.namespace or release.namespace, reference.name)
    key = release.chart
    return charts[key].source if key in charts else key


def follows(release: HelmRelease, charts: Mapping[SourceKey, HelmChart], revision: str) -> bool:
    """Whether it was released from this revision of its source, or its chart is suspended and follows none."""
    chart = charts.get(release.chart)
    if chart is not None:
        return chart.spec.suspend or chart.status.observed_source_artifact_revision == revision
    digest = revision.rpartition("@")[2]
    return bool(digest) and digest in release.status.last_attempted_revision_digest


def named(release: HelmRelease) -> str:
    """What events call it."""
    return f"{release.kind}/{release.namespace}/{release.name}"


def _chart_interval(release: HelmRelease) -> float:
    chart = release.spec.chart
    return (chart.spec.interval if chart else None) or release.spec.interval


def _event(release: HelmRelease, moment: str) -> SourceChanged:
    # No address of a source: its chart is looked for where the manifest says, whatever became of the source meanwhile.
    return SourceChanged(
        delivery=f"{release.metadata.uid}/{moment}",
        url=f"helm://{release.namespace}/{release.name}",
        ref="",
        commit="",
        reapply=named(release),
    )
