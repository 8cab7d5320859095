"""What reconciliation finds, and that it says it under the same name however often it looks."""

from __future__ import annotations

from typing import Any

from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import Kustomization
from tasks.sync.find_moved_sources import drifting, kept_back
from tasks.upkeep.pace import Pace

HOUR = 3600.0


def source() -> GitRepository:
    meta = {"name": "shop", "namespace": "team", "uid": "1a2b3c4d-0000"}
    return GitRepository.parse({"metadata": meta, "spec": {"url": "https://git.example/shop"}})


def follower(name: str, interval: str = "10m", **spec: Any) -> Kustomization:
    return Kustomization.parse(
        {
            "metadata": {"name": name, "namespace": "team"},
            "spec": {"sourceRef": {"name": "shop"}, "prune": True, "interval": interval, **spec},
            "status": {"lastAppliedRevision": "main@sha1:c"},
        }
    )


def spans(*followers: Kustomization, hours: float = 1.0) -> list[Any]:
    """All events of some hours of looking once a minute."""
    known = {source().key: source()}
    looks = [drifting(known, followers, 60.0 * minute) for minute in range(int(hours * 60))]
    return [event for look in looks for event in look]


def test_an_interval_calls_for_one_sync_however_often_anybody_looks() -> None:
    """An hour of looks once a minute, by two workers, with an interval of ten minutes: six syncs, or seven cut ones."""
    events = spans(follower("a")) + spans(follower("a"))
    assert len({event.id for event in events}) in {6, 7}


def test_kustomizations_of_one_source_and_interval_are_one_sync() -> None:
    """A thousand of them are not a thousand runs."""
    (event,) = drifting({source().key: source()}, [follower("b"), follower("a"), follower("c", suspend=True)], 0.0)
    assert event.reapply == "team/a,team/b"


def test_what_was_never_applied_is_no_drift() -> None:
    """Its first sync is called for by its own event."""
    new = follower("a").model_copy(
        update={"status": follower("a").status.model_copy(update={"last_applied_revision": ""})}
    )
    assert drifting({source().key: source()}, [new], 0.0) == []


def test_one_whose_first_sync_failed_comes_at_its_retry_interval() -> None:
    """An hour of looks with `retryInterval: 5m` and an interval of an hour; and at once when it is ready."""
    failed = {"conditions": [{"type": "Ready", "status": "False", "reason": "ReconciliationFailed"}]}
    one = follower("a", "1h", retryInterval="5m")
    vain = one.model_copy(update={"status": one.status.model_validate(failed)})
    assert len({event.id for event in spans(vain)}) in {12, 13}
    assert len({event.id for event in spans(one)}) in {1, 2}


def test_a_deleted_one_is_looked_at_each_minute_until_it_is_gone() -> None:
    """Its source may be gone as well; where nothing holds it back there is nothing to do."""
    meta = {"name": "a", "namespace": "team", "uid": "1a2b", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    kept = Kustomization.parse(
        {"metadata": meta | {"finalizers": ["finalizers.fluxcd.io"]}, "spec": follower("a").spec}
    )
    gone = Kustomization.parse({"metadata": meta | {"finalizers": ["somebody.else"]}, "spec": follower("a").spec})
    (event,) = kept_back([kept, gone, follower("b")], 0.0)
    assert (event.reapply, event.url) == ("team/a", "deleted/team/shop")
    assert len({each.id for minute in range(10) for each in kept_back([kept], 60.0 * minute)}) == 10


def test_an_object_is_looked_at_once_per_interval() -> None:
    """And again at once where the look came to nothing."""
    now = [0.0]
    pace = Pace(clock=lambda: now[0])

    def due(at: float) -> bool:
        now[0] = at
        return pace.due("a", 60)

    assert [due(at) for at in (0.0, 30.0, 50.0, 60.0, 110.0, 120.0)] == [True, False, False, True, False, True]
    pace.forget("a")
    assert due(121.0)
