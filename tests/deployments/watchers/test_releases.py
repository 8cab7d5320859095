"""The watcher of HelmReleases: what is new, changed, asked for or deleted is looked at at once, and once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blocks.kubernetes.follow import News
from deployments.watchers.announcer import Announcer
from deployments.watchers.releases import ReleaseWatcher
from sluice.events.model import Event

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
