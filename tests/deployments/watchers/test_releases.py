"""The watcher of HelmReleases: what is new, changed, asked for or deleted is looked at at once, and once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from blocks.kubernetes.follow import News
from blocks.kubernetes.kinds import HELM_CHART, HELM_RELEASE, HELM_REPOSITORY
from deployments.watchers.announcer import Announcer
from deployments.watchers.releases import ReleaseWatcher
from sluice.events.model import Event, SourceChanged

ASKED = {"reconcile.fluxcd.io/requestedAt": "now"}


async def nobody(events: Sequence[Event]) -> None:
    raise AssertionError("nothing is posted here")


def release(generation: int = 1, suspend: bool = False, **meta: Any) -> dict[str, Any]:
    chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    about = {"name": "shop", "namespace": "team", "uid": "1", "generation": generation, **meta}
    return {"metadata": about, "spec": {"interval": "1m", "chart": chart, "suspend": suspend}}


def test_each_change_calls_once_and_what_sluice_writes_calls_for_nothing() -> None:
    sut = ReleaseWatcher(cluster=None, announcer=Announcer(nobody))  # type: ignore[arg-type]

    def seen(item: dict[str, Any]) -> list[str]:
        return [event.reapply for event in sut.update(News([item]))]

    assert seen(release()) == ["HelmRelease/team/shop"]
    assert seen(release() | {"status": {"failures": 1}}) == []
    assert seen(release(2)) == ["HelmRelease/team/shop"]
    assert seen(release(2, annotations=ASKED)) == ["HelmRelease/team/shop"]
    assert seen(release(2, annotations=ASKED)) == []
    assert seen(release(3, suspend=True)) == []
    gone = {"deletionTimestamp": "2026-11-27T10:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}
    assert seen(release(3, suspend=True, **gone)) == ["HelmRelease/team/shop"]
    assert seen({"metadata": {"name": "odd", "namespace": "team", "uid": "2"}, "spec": {}}) == []


def repository(generation: int = 1, observed: int = 1, url: str = "https://charts.test", **meta: Any) -> dict[str, Any]:
    about = {"name": "charts", "namespace": "team", "uid": "r", "generation": generation, **meta}
    return {"metadata": about, "spec": {"url": url}, "status": {"observedGeneration": observed}}


def chart(generation: int = 1, name: str = "team-shop", version: str = "*", **meta: Any) -> dict[str, Any]:
    """As sluice makes it for the release, where nothing else is asked for."""
    about = {"name": name, "namespace": "team", "uid": "c", "generation": generation, **meta}
    source = {"kind": "HelmRepository", "name": "charts"}
    spec = {"chart": "shop", "version": version, "interval": "60s", "reconcileStrategy": "ChartVersion"}
    return {"metadata": about, "spec": spec | {"sourceRef": source}, "status": {"observedGeneration": 1}}


class Seen:
    """A watcher, and the events that one object after another calls for."""

    def __init__(self) -> None:
        self.sut = ReleaseWatcher(cluster=None, announcer=Announcer(nobody))  # type: ignore[arg-type]

    def __call__(self, kind: Kind, item: dict[str, Any]) -> list[SourceChanged]:
        return self.sut.update(News([item]), kind)

    def names(self, kind: Kind, item: dict[str, Any]) -> list[str]:
        return [event.reapply for event in self(kind, item)]


@pytest.mark.parametrize("url", ["https://charts.test", "oci://registry.test/charts"], ids=["index", "registry"])
def test_an_edited_repository_calls_for_its_releases_at_once(url: str) -> None:
    """An address, a login, a request by annotation; a status that sluice writes is none, nor is another's repository."""
    sut = Seen()
    assert sut.names(HELM_REPOSITORY, repository(url=url)) == []
    assert sut.names(HELM_RELEASE, release()) == ["HelmRelease/team/shop"]
    assert sut.names(HELM_REPOSITORY, repository(2, url=url)) == ["HelmRelease/team/shop"]
    assert sut.names(HELM_REPOSITORY, repository(2, observed=2, url=url)) == []
    assert sut.names(HELM_REPOSITORY, repository(2, url=url, annotations=ASKED)) == ["HelmRelease/team/shop"]
    assert sut.names(HELM_REPOSITORY, repository(9, url=url, name="other", uid="o")) == []
    sut(HELM_RELEASE, release(2, suspend=True))
    assert sut.names(HELM_REPOSITORY, repository(3, url=url)) == []


def test_a_repository_that_comes_after_its_release_calls_for_it() -> None:
    """And one that was edited while nobody watched, whichever of the two is heard of first."""
    sut = Seen()
    sut(HELM_RELEASE, release())
    assert sut.names(HELM_REPOSITORY, repository(observed=0)) == ["HelmRelease/team/shop"]
    later = Seen()
    later(HELM_REPOSITORY, repository(2, observed=1))
    assert later.names(HELM_RELEASE, release()) == ["HelmRelease/team/shop"] * 2


def test_the_same_change_is_one_event_also_after_a_restart_of_the_watcher() -> None:
    """And is the event of the look at the interval, so that one request is one sync."""
    first, second = Seen(), Seen()
    for sut in (first, second):
        sut(HELM_RELEASE, release())
    (one,), (other,) = (sut(HELM_REPOSITORY, repository(2)) for sut in (first, second))
    assert one.id == other.id


def test_a_chart_that_sluice_makes_calls_for_nothing_and_one_that_somebody_edits_does() -> None:
    """It is put right by its release; one that the release only refers to is followed."""
    sut = Seen()
    sut(HELM_RELEASE, release())
    assert sut.names(HELM_CHART, chart()) == []
    assert sut.names(HELM_CHART, chart(2, version="9.x")) == ["HelmRelease/team/shop"]
    assert sut.names(HELM_CHART, chart(3)) == []
    assert sut.names(HELM_CHART, chart(3, annotations=ASKED)) == ["HelmRelease/team/shop"]
    spec = {"interval": "1m", "chartRef": {"kind": "HelmChart", "name": "shared"}}
    sut(HELM_RELEASE, release(name="next", uid="2") | {"spec": spec})
    assert sut.names(HELM_CHART, chart(name="shared", uid="s")) == ["HelmRelease/team/next"]
    assert sut.names(HELM_REPOSITORY, repository(2)) == ["HelmRelease/team/shop", "HelmRelease/team/next"]


def test_what_is_gone_is_forgotten() -> None:
    """By a deletion, and by a list that does not have it; a list of one namespace says nothing of another."""
    sut = Seen()
    sut(HELM_RELEASE, release())
    sut(HELM_REPOSITORY, repository())
    assert sut.sut.update(News([], whole=True), HELM_RELEASE, "other") == []
    assert sut.names(HELM_REPOSITORY, repository(2)) == ["HelmRelease/team/shop"]
    sut.sut.update(News([repository(2)], gone=True), HELM_REPOSITORY)
    sut.sut.update(News([], whole=True), HELM_RELEASE, "team")
    assert (sut.sut.releases, sut.sut.sources, sut.sut.announced) == ({}, {}, {})
    assert sut.names(HELM_REPOSITORY, repository(3)) == []
