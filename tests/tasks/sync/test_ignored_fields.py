"""`spec.ignore` of a Kustomization: fields that others manage stay theirs through every sync, and are no drift."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from blocks.connections import connections
from sluice.errors import TerminalError
from sluice.manifests.flux.kustomization import Kustomization
from tasks.sync.kustomizations import drift
from tests.owning_cluster import OwningCluster
from tests.tasks.sync.delivered import TEAM, Delivered, delivering

Object = dict[str, Any]
RULE = [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "shop"}}]


@pytest.fixture
async def git() -> AsyncIterator[Delivered]:
    cluster: Any = OwningCluster()
    async with delivering(cluster) as world:
        yield world


def deployment(name: str = "shop", replicas: int = 2, paused: bool = False) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": TEAM},
        "spec": {"replicas": replicas, "paused": paused, "selector": {"matchLabels": labels}, "template": template},
    }


def spec(git: Delivered, name: str = "shop") -> Object:
    found = git.cluster.now("Deployment", name, TEAM)["spec"]
    return {key: found[key] for key in ("replicas", "paused")}


def scaled(git: Delivered, replicas: int, manager: str = "kube-controller-manager", name: str = "shop") -> None:
    cluster: Any = git.cluster
    cluster.edit("Deployment", name, TEAM, {"spec": {"replicas": replicas}}, manager)


async def test_an_autoscaler_s_replicas_outlive_a_new_revision(git: Delivered) -> None:
    """What git changes next to them is applied."""
    git.commit(deployment())
    git.kustomization(ignore=RULE)
    await git.sync()
    assert spec(git) == {"replicas": 2, "paused": False}, "it is made with all that git says"
    scaled(git, 7)
    git.commit(deployment(paused=True))
    await git.sync()
    assert spec(git) == {"replicas": 7, "paused": True}
    git.commit(deployment(replicas=3, paused=False))
    await git.sync()
    assert spec(git) == {"replicas": 7, "paused": False}


async def test_what_only_the_ignored_field_changed_is_not_written(git: Delivered) -> None:
    """An autoscaler at work costs no write, and is reported as nobody's drift."""
    git.commit(deployment())
    git.kustomization(ignore=RULE)
    await git.sync()
    scaled(git, 7)
    cluster: Any = git.cluster
    cluster.asked.clear()
    await git.sync(reapply=True)
    assert cluster.asked["apply Deployment"] == 0
    assert spec(git)["replicas"] == 7
    events = [one["reason"] for one in git.cluster.objects.values() if one["kind"] == "Event"]
    assert "Drift" not in events
    scaled(git, 9, "kubectl-edit")
    cluster.edit("Deployment", "shop", TEAM, {"spec": {"paused": True}})
    await git.sync(reapply=True)
    events = [one["reason"] for one in git.cluster.objects.values() if one["kind"] == "Event"]
    assert "Drift" in events, "of what no rule names"


async def test_a_person_s_change_of_an_ignored_field_stays(git: Delivered) -> None:
    """What kubectl has set becomes ours, with its value."""
    git.commit(deployment())
    git.kustomization(ignore=RULE)
    await git.sync()
    scaled(git, 5, "kubectl-edit")
    for paused in (True, False):
        git.commit(deployment(paused=paused))
        await git.sync()
        assert spec(git) == {"replicas": 5, "paused": paused}


async def test_other_fields_and_other_objects_are_put_back(git: Delivered) -> None:
    """A rule is about its target, and about its paths."""
    git.commit(deployment(), deployment("web"))
    git.kustomization(ignore=RULE)
    await git.sync()
    scaled(git, 7, "kubectl-edit", "web")
    cluster: Any = git.cluster
    cluster.edit("Deployment", "shop", TEAM, {"spec": {"paused": True}})
    await git.sync(reapply=True)
    assert spec(git, "web")["replicas"] == 2
    assert spec(git)["paused"] is False


async def test_the_watch_s_look_at_drift_knows_the_rules(git: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it would find there a sync would not put back, again and again."""

    async def source_for(*_: Any) -> Delivered:
        return git

    monkeypatch.setattr(drift, "source_for", source_for)
    git.commit(deployment(), deployment("web"))
    git.kustomization(ignore=RULE)
    await git.sync()
    scaled(git, 7)
    scaled(git, 7, name="web")
    one = Kustomization.parse(git.cluster.now("Kustomization", "app", TEAM))
    places = frozenset(("apps", "Deployment", TEAM, name) for name in ("shop", "web"))
    found = await drift.drifted(connections(), one, places)
    assert [each.object.name for each in found] == ["web"]


async def test_a_rule_that_cannot_be_read_stops_before_anything_is_written(git: Delivered) -> None:
    """The condition names the field."""
    git.commit(deployment())
    git.kustomization(ignore=[{"paths": ["/spec/replicas"], "target": {"labelSelector": "a in b"}}])
    with pytest.raises(TerminalError, match=r"spec\.ignore\[0\]\.target\.labelSelector"):
        await git.sync()
    status, reason, message = git.condition()
    assert (status, reason) == ("False", "BuildFailed")
    assert "spec.ignore[0].target.labelSelector" in message
    assert "shop" not in git.there("Deployment")
