"""The watcher of sources: what is new or changed in the cluster calls for a sync, once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from blocks.kubernetes.follow import News
from blocks.kubernetes.kinds import BUCKET, GIT_REPOSITORY, KUSTOMIZATION, OCI_REPOSITORY
from deployments.watchers.announcer import Announcer
from deployments.watchers.sources import SourceWatcher
from sluice.events.model import Event, SourceChanged

URL = "https://git.example/team/shop"


async def nobody(events: Sequence[Event]) -> None:
    raise AssertionError("nothing is posted here")


@pytest.fixture
def sut() -> SourceWatcher:
    return SourceWatcher(cluster=None, announcer=Announcer(nobody))  # type: ignore[arg-type]


def source(generation: int = 1, name: str = "shop", **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "team", "uid": f"source-{name}", "generation": generation}
    return {"metadata": meta, "spec": {"url": URL, "ref": {"branch": "main"}, **spec}}


def follower(generation: int = 1, name: str = "shop", **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": "team", "uid": f"follower-{name}", "generation": generation}
    return {"metadata": meta, "spec": {"sourceRef": {"name": "shop"}, "prune": True, **spec}}


def seen(sut: SourceWatcher, item: dict[str, Any]) -> list[SourceChanged]:
    kind = GIT_REPOSITORY if "url" in item["spec"] else KUSTOMIZATION
    return sut.events_for(kind, (item["metadata"]["namespace"], item["metadata"]["name"]), item)


def test_each_new_object_calls_for_a_sync_of_its_branch(sut: SourceWatcher) -> None:
    """Source first, then what follows it: two events, with the repository and the branch."""
    (one,) = seen(sut, source())
    assert one.payload == {"url": URL, "ref": "main", "commit": "", "reapply": ""}
    (other,) = seen(sut, follower())
    assert other.payload == one.payload
    assert other.id != one.id


def test_a_kustomization_waits_for_its_source(sut: SourceWatcher) -> None:
    """They may come in any order; nothing is lost, nothing is told twice."""
    assert seen(sut, follower()) == []
    assert len(seen(sut, source())) == 2
    assert seen(sut, follower()) == []


def test_only_a_changed_spec_calls_again(sut: SourceWatcher) -> None:
    """What sluice writes into the status changes no generation and starts no run: no endless loop."""
    seen(sut, source())
    seen(sut, follower())
    assert seen(sut, source() | {"status": {"observedGeneration": 1}}) == []
    assert seen(sut, follower() | {"status": {"observedGeneration": 1}}) == []
    assert len(seen(sut, source(2, url=f"{URL}-2"))) == 1
    (event,) = seen(sut, follower(2, path="./b"))
    assert event.url == f"{URL}-2"


def test_the_same_change_is_one_event_also_after_a_restart(sut: SourceWatcher) -> None:
    """Its id depends on the object and its generation alone, so that Prefect knows it again."""
    (before,) = seen(sut, source())
    (after,) = seen(SourceWatcher(cluster=None, announcer=Announcer(nobody)), source())  # type: ignore[arg-type]
    (changed,) = seen(sut, source(2))
    assert before.id == after.id != changed.id


def test_an_object_that_is_not_valid_is_logged_and_starts_nothing(
    sut: SourceWatcher, caplog: pytest.LogCaptureFixture
) -> None:
    """One wrong manifest does not end the watch of all others."""
    assert seen(sut, source(url="ext::sh")) == []
    assert seen(sut, {"metadata": {"name": "x", "namespace": "team"}, "spec": {}}) == []
    assert "GitRepository team/shop is not valid: spec.url" in caplog.text
    assert len(seen(sut, source(2))) == 1


@pytest.mark.parametrize("namespaces", [("a", "b"), ("c", "a", "b")], ids=" ".join)
def test_each_watched_namespace_is_known(sut: SourceWatcher, namespaces: tuple[str, ...]) -> None:
    """A list of one namespace says nothing about the others, and takes away what is gone from its own."""

    def of(space: str, item: dict[str, Any]) -> dict[str, Any]:
        meta = item["metadata"]
        return {**item, "metadata": {**meta, "namespace": space, "uid": f"{meta['uid']}-{space}"}}

    for space in namespaces:
        assert len(sut.update(GIT_REPOSITORY, News([of(space, source())], whole=True), space)) == 1
    for space in namespaces:
        assert len(sut.update(KUSTOMIZATION, News([of(space, follower())], whole=True), space)) == 1
    sut.update(GIT_REPOSITORY, News([], whole=True), namespaces[0])
    assert [key.namespace for key in sut.sources] == list(namespaces[1:])
    assert {key.namespace for key in sut.followers} == set(namespaces)


def test_sources_of_all_kinds_are_watched_and_told_apart_by_kind(sut: SourceWatcher) -> None:
    """What has no references says so; what follows an OCIRepository waits for it, whatever else has its name."""
    meta = {"name": "shop", "namespace": "team", "generation": 1}
    artifact = {"metadata": meta | {"uid": "oci"}, "spec": {"url": "oci://registry.example/shop"}}
    bucket = {"metadata": meta | {"uid": "bucket"}, "spec": {"endpoint": "s3.example", "bucketName": "shop"}}
    assert seen(sut, follower(sourceRef={"kind": "OCIRepository", "name": "shop"})) == []
    (of_git,) = seen(sut, source())
    assert of_git.url == URL
    (of_bucket,) = sut.events_for(BUCKET, ("team", "shop"), bucket)
    assert of_bucket.payload == {"url": "https://s3.example/shop", "ref": "", "commit": "", "reapply": ""}
    of_oci = sut.events_for(OCI_REPOSITORY, ("team", "shop"), artifact)
    assert [one.url for one in of_oci] == ["oci://registry.example/shop"] * 2


def test_a_source_that_follows_tags_says_so(sut: SourceWatcher) -> None:
    """By the names that a webhook has for them, so that the sync finds it."""
    assert [one.ref for one in seen(sut, source(name="a", ref={"tag": "v1"}))] == ["refs/tags/v1"]
    assert [one.ref for one in seen(sut, source(name="b", ref={"semver": "1.x"}))] == ["refs/tags/*"]
    assert [one.ref for one in seen(sut, source(name="c", ref={"name": "refs/pull/1/head"}))] == ["refs/pull/1/head"]


def test_who_asks_for_a_source_gets_a_look_once(sut: SourceWatcher) -> None:
    """The annotation of `flux reconcile` changes no generation; its followers are not applied for it."""
    (before,) = seen(sut, source())
    (event,) = seen(sut, asked(source(), "t1"))
    assert event.id != before.id
    assert event.reapply == ""
    assert seen(sut, asked(source(), "t1")) == []
    answered = asked(source(), "t1") | {"status": {"lastHandledReconcileAt": "t1"}}
    assert seen(sut, answered) == []


def asked(item: dict[str, Any], when: str) -> dict[str, Any]:
    note = {"annotations": {"reconcile.fluxcd.io/requestedAt": when}}
    return {**item, "metadata": item["metadata"] | note}


def test_each_request_to_reconcile_calls_for_one_sync(sut: SourceWatcher) -> None:
    """Of the Kustomization by its name, though nothing moved: an event for each new value, until it was answered."""
    seen(sut, source())
    seen(sut, follower())
    (first,) = seen(sut, asked(follower(), "1"))
    assert first.reapply == "team/shop"
    assert seen(sut, asked(follower(), "1")) == []
    (second,) = seen(sut, asked(follower(), "2"))
    assert second.id != first.id
    answered = asked(follower(), "2") | {"status": {"lastHandledReconcileAt": "2"}}
    assert all(event.reapply == "" for event in seen(sut, answered))


@pytest.mark.parametrize("orphaned", [False, True])
def test_a_deleted_kustomization_calls_for_its_clean_up(sut: SourceWatcher, orphaned: bool) -> None:
    """Also where its source went before it: the API server counts a deletion as a new generation."""
    if not orphaned:
        seen(sut, source())
    seen(sut, follower())
    gone = follower(generation=2)
    gone["metadata"] |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["finalizers.fluxcd.io"]}
    (event,) = seen(sut, gone)
    assert event.reapply == "team/shop"
    assert seen(sut, gone) == []
