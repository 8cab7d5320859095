"""HelmReleases as followers of a source: that of their chart."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from blocks.connections import connections
from blocks.kubernetes.kinds import HELM_CHART, HELM_RELEASE
from sluice.helm.due import follows, is_leaving, named, rests, source_of
from sluice.manifests.flux.helm.chart import HelmChart
from sluice.manifests.flux.helm.release import HelmRelease
from sluice.manifests.references import SourceKey
from tasks.helm.leave import leave
from tasks.helm.released import Released
from tasks.helm.sync_release import sync_release
from tasks.sync.fetch_source import Fetched
from tasks.sync.followers.base import Due
from tasks.sync.known_followers import followers


class HelmReleaseFollower:
    """Charts that are released.

    One that is named is due whether or not its source could be fetched: it looks for its chart itself.
    """

    kind = HelmRelease.kind

    async def due(self, sources: Mapping[SourceKey, Fetched], reapply: Collection[str]) -> list[Due]:
        """Those whose chart's source is at another revision than they were released from, and those that are named."""
        due = []
        found = HelmRelease.valid(await followers(HELM_RELEASE, sources, reapply))
        releases = [one for one in found if not rests(one) and not is_leaving(one)]
        charts = await _charts() if releases and sources else {}
        for one in releases:
            source = sources.get(source_of(one, charts))
            asked = named(one) in reapply
            # Without a HelmChart its own status says what it was released from: after a move that may be old by now.
            behind = source and (
                (source.moved and one.chart not in charts) or not follows(one, charts, source.revision)
            )
            if asked or behind:
                at = source or Fetched(namespace=one.namespace, name=one.chart.name, commit="", revision="")
                due.append(Due(kind=self.kind, namespace=one.namespace, name=one.name, source=at, reapply=asked))
        return due

    async def sync(self, due: Due) -> Released:
        """Release, test, remedy: whatever is next."""
        return await sync_release(due.namespace, due.name)

    async def leaving(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Those that were deleted and still have the finalizer."""
        return [(one.namespace, one.name) for one in await _releases() if is_leaving(one) and named(one) in names]

    async def leave(self, namespace: str, name: str) -> Released:
        """Uninstall, and take the finalizer away."""
        return await leave(namespace, name)


async def _releases() -> list[HelmRelease]:
    return HelmRelease.valid(await connections().informers.listed(HELM_RELEASE))


async def _charts() -> dict[SourceKey, HelmChart]:
    return {one.key: one for one in HelmChart.valid(await connections().informers.listed(HELM_CHART))}
