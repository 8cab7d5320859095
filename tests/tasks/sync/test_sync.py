"""A sync brings the cluster to what the source says, writes down what it did, and is tried once more where it failed."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import ForbiddenError, InvalidError, NotFoundError, SluiceError, TransientError
from sluice.manifests.flux.kustomization import Kustomization
from sluice.sync.record import looked_at_after, tried_in_vain
from tests.tasks.sync.delivered import TEAM, Delivered, config

Object = dict[str, Any]


def now(git: Delivered, name: str = "app") -> Kustomization:
    return Kustomization.parse(git.cluster.now("Kustomization", name, TEAM))


async def test_what_git_says_is_applied_and_recorded(git: Delivered) -> None:
    """Objects, revision, inventory, conditions, finalizer and history, as Flux writes them."""
    git.commit(config("a"), config("b"))
    git.kustomization()
    assert await git.sync() == "2 applied, 0 pruned, 0 left alone"
    assert git.there() == {"a": {"value": "1"}, "b": {"value": "1"}}
    status = git.status()
    assert (status["lastAppliedRevision"], status["lastAttemptedRevision"]) == (git.revision, git.revision)
    assert status["observedGeneration"] == now(git).metadata.generation
    assert git.inventory() == ["team_a__ConfigMap", "team_b__ConfigMap"]
    assert [one["type"] for one in status["conditions"]] == ["Ready"]
    assert git.condition() == ("True", "ReconciliationSucceeded", f"Applied revision: {git.revision}")
    assert now(git).metadata.finalizers == ("finalizers.fluxcd.io",)
    (snapshot,) = status["history"]
    assert (snapshot["lastReconciledStatus"], snapshot["totalReconciliations"]) == ("ReconciliationSucceeded", 1)
    assert snapshot["metadata"] == {"revision": git.revision}


async def test_what_is_known_to_be_so_is_written_nowhere(git: Delivered) -> None:
    """A sync of what was synced does nothing at all; what left git is deleted."""
    git.commit(config("a"), config("b"))
    git.kustomization()
    await git.sync()
    version = git.cluster.version
    await git.sync()
    assert git.cluster.version == version
    git.commit(config("a", "2"))
    assert await git.sync() == "1 applied, 1 pruned, 0 left alone"
    assert git.there() == {"a": {"value": "2"}}


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("the cluster does not serve Thing"),
        TransientError("500: failed calling webhook"),
        TransientError("answered 500"),
        ForbiddenError("answered 403: exceeded quota"),
    ],
    ids=["no definition yet", "webhook", "500", "quota"],
)
async def test_a_first_sync_that_failed_says_so_and_is_due(git: Delivered, error: SluiceError) -> None:
    """At its retryInterval, not only with the next commit; `kubectl wait` has a condition to wait for."""
    git.commit(config("a"))
    git.kustomization(retryInterval="2m", interval="1h")

    def refuse(when: str, verb: str, item: Object) -> None:
        if verb == "apply":
            raise error

    git.cluster.hooks.append(refuse)
    with pytest.raises(SluiceError):
        await git.sync()
    assert git.condition()[:2] == ("False", "ReconciliationFailed")
    assert git.condition("Reconciling")[:2] == ("True", "ProgressingWithRetry")
    assert tried_in_vain(now(git))
    assert looked_at_after(now(git)) == 120
    git.cluster.hooks.clear()
    assert await git.sync() == "1 applied, 0 pruned, 0 left alone"
    assert git.condition()[0] == "True"
    assert git.condition("Reconciling") == ("", "", "")
    assert looked_at_after(now(git)) == 3600


async def test_what_cannot_be_rendered_changes_nothing(git: Delivered) -> None:
    """Never a prune after a failed render: the cluster stays at what was applied last."""
    git.commit(config("a"), config("b"))
    git.kustomization()
    await git.sync()
    git.commit(broken="kustomize refuses the source")
    with pytest.raises(InvalidError):
        await git.sync()
    assert git.condition()[:2] == ("False", "BuildFailed")
    assert sorted(git.there()) == ["a", "b"]
    assert git.inventory() == ["team_a__ConfigMap", "team_b__ConfigMap"]


async def test_what_is_applied_in_part_prunes_nothing(git: Delivered) -> None:
    """One object is refused: the others of its wave are applied, what left git stays until all is well."""
    git.commit(config("a"), config("old"))
    git.kustomization()
    await git.sync()

    def refuse(when: str, verb: str, item: Object) -> None:
        if verb == "apply" and item["metadata"]["name"] == "bad":
            raise InvalidError("refused")

    git.cluster.hooks.append(refuse)
    git.commit(config("a", "2"), config("bad"))
    with pytest.raises(InvalidError):
        await git.sync()
    assert git.there() == {"a": {"value": "2"}, "old": {"value": "1"}}
    assert git.inventory() == ["team_a__ConfigMap", "team_bad__ConfigMap", "team_old__ConfigMap"]
    git.cluster.hooks.clear()
    assert "1 pruned" in await git.sync()
    assert sorted(git.there()) == ["a", "bad"]


async def test_a_delete_that_is_refused_is_tried_once_more(git: Delivered) -> None:
    """What could not be deleted stays in the inventory, or nobody would ever delete it."""
    git.commit(config("a"), config("old"))
    git.kustomization()
    await git.sync()

    def refuse(when: str, verb: str, item: Object) -> None:
        if verb == "delete":
            raise ForbiddenError("admission webhook denied the request")

    git.cluster.hooks.append(refuse)
    git.commit(config("a"))
    with pytest.raises(InvalidError):
        await git.sync()
    assert git.condition()[:2] == ("False", "PruneFailed")
    assert "team_old__ConfigMap" in git.inventory()
    git.cluster.hooks.clear()
    assert "1 pruned" in await git.sync()


async def test_a_source_that_lost_everything_takes_nothing_with_it(git: Delivered) -> None:
    """An empty directory is more often a mistake than a wish; who wishes it says so."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    git.commit()
    with pytest.raises(InvalidError, match=r"sluice\.dev/allow-empty"):
        await git.sync()
    assert sorted(git.there()) == ["a"]
    git.cluster.by_hand("Kustomization", TEAM, "app", {"metadata": {"annotations": {"sluice.dev/allow-empty": "true"}}})
    assert await git.sync() == "0 applied, 1 pruned, 0 left alone"


async def test_the_origin_of_an_artifact_is_recorded(git: Delivered) -> None:
    """As `flux push artifact --revision` writes it; a source that says nothing of it records nothing."""
    git.commit(config("a"))
    git.kustomization()
    metadata = {"org.opencontainers.image.revision": "main@sha1:abc"}
    meta = {"name": "app", "namespace": TEAM}
    status = {"artifact": {"revision": git.revision, "metadata": metadata}}
    git.cluster.add({"kind": "GitRepository", "metadata": meta, "spec": {}, "status": status})
    await git.sync()
    assert git.status()["lastAppliedOriginRevision"] == "main@sha1:abc"
    git.commit(config("a", "2"))
    await git.sync()
    assert "lastAppliedOriginRevision" not in git.status()


async def test_a_request_to_sync_now_is_answered(git: Delivered) -> None:
    """`flux reconcile kustomization` waits for this: with success, and with failure."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    git.cluster.by_hand("ConfigMap", TEAM, "a", {"data": {"value": "by hand"}})
    ask = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "2026-01-01T00:00:00Z"}}}
    git.cluster.by_hand("Kustomization", TEAM, "app", ask)
    assert now(git).asked
    await git.sync()
    assert git.status()["lastHandledReconcileAt"] == "2026-01-01T00:00:00Z"
    assert git.there() == {"a": {"value": "1"}}
    assert not now(git).asked
    git.commit(broken="no")
    ask["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = "later"
    git.cluster.by_hand("Kustomization", TEAM, "app", ask)
    with pytest.raises(InvalidError):
        await git.sync()
    assert git.status()["lastHandledReconcileAt"] == "later"


async def test_an_event_says_what_changed_and_what_failed(git: Delivered) -> None:
    """Where `kubectl describe` and `flux events` show it; a sync of the same says nothing."""
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    await git.sync(reapply=True)
    git.commit(broken="no such file")
    for _ in range(2):
        with pytest.raises(InvalidError):
            await git.sync()
    said = [one for key, one in git.cluster.objects.items() if key[0] == "Event"]
    assert [(one["type"], one["reason"]) for one in said] == [
        ("Normal", "ReconciliationSucceeded"),
        ("Warning", "BuildFailed"),
    ]
    assert said[0]["involvedObject"]["kind"] == "Kustomization"
    assert "no such file" in said[1]["message"]


async def test_who_suspends_in_the_middle_is_obeyed(git: Delivered) -> None:
    """What was begun may have written some of it; nothing more is, and the status does not say that it was done."""
    git.commit(config("a"), config("b"))
    git.kustomization()

    def suspend(when: str, verb: str, item: Object) -> None:
        if verb == "apply" and when == "before" and item["metadata"]["name"] == "a":
            git.cluster.by_hand("Kustomization", TEAM, "app", {"spec": {"suspend": True}})

    git.cluster.hooks.append(suspend)
    assert await git.sync() == "it is suspended"
    assert "lastAppliedRevision" not in git.status()


async def test_who_deletes_in_the_middle_is_obeyed(git: Delivered) -> None:
    """And what was written by then is cleaned up: it was in the inventory before it was written."""
    git.commit(config("a"), config("b"))
    git.kustomization()
    kind = await git.cluster.resource_for(Kustomization.api_version, Kustomization.kind)
    deleted = False

    async def gate(when: str, item: Object) -> None:
        nonlocal deleted
        if not deleted and when == "before" and item.get("metadata", {}).get("name") == "b":
            deleted = True
            await git.cluster.delete(kind, "app", TEAM)

    git.cluster.gate = gate
    assert await git.sync() == "it is being deleted"
    await git.leave()
    assert git.there() == {}
    assert git.there("Kustomization") == {}
