"""What users wish for single objects, in Flux's words: neither overwritten, nor deleted, nor fought over."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.kubernetes.cluster import Kind
from sluice.errors import ForbiddenError, InvalidError, SluiceError, TransientError
from sluice.sync.objects import ObjectId
from tests.tasks.sync.delivered import LABELS, TEAM, Delivered, config

SSA, FORCE = "kustomize.toolkit.fluxcd.io/ssa", "kustomize.toolkit.fluxcd.io/force"


@pytest.mark.parametrize("mode", ["IfNotPresent", "ifnotpresent"])
async def test_if_not_present_is_made_and_then_left(git: Delivered, mode: str) -> None:
    """A Secret that is only seeded from git: what became of it is nobody's business. It is deleted with git."""
    seed = config("seed", annotations={SSA: mode})
    git.commit(seed, config("b"))
    git.kustomization()
    assert "2 applied" in await git.sync()
    git.cluster.by_hand("ConfigMap", TEAM, "seed", {"data": {"value": "grown"}})
    git.commit({**seed, "data": {"value": "2"}}, config("b"))
    assert await git.sync() == "1 applied, 0 pruned, 1 left alone"
    assert git.there()["seed"] == {"value": "grown"}
    git.commit(config("b"))
    assert "1 pruned" in await git.sync()


async def test_ignore_is_neither_made_nor_changed_nor_deleted(git: Delivered) -> None:
    """In git or in the cluster."""
    git.commit(config("in-git", annotations={SSA: "Ignore"}), config("live"), config("b"))
    git.kustomization()
    assert "2 applied" in await git.sync()
    assert sorted(git.there()) == ["b", "live"]
    git.cluster.by_hand(
        "ConfigMap", TEAM, "live", {"metadata": {"annotations": {SSA: "Ignore"}}, "data": {"value": "mine"}}
    )
    git.commit(config("live", "2"), config("b"))
    await git.sync()
    assert git.there()["live"] == {"value": "mine"}
    git.commit(config("b"))
    assert "0 pruned" in await git.sync()
    assert "live" in git.there()


async def test_merge_leaves_others_fields_and_override_does_not(git: Delivered) -> None:
    """What kubectl has set stays with Merge. Without it, as with Override, the object is what git says."""
    git.commit(
        config("merged", annotations={SSA: "Merge"}), config("plain"), config("over", annotations={SSA: "Override"})
    )
    git.kustomization()
    await git.sync()
    for name in ("merged", "plain", "over"):
        git.cluster.by_hand("ConfigMap", TEAM, name, {"data": {"value": "by hand", "extra": "by hand"}}, "kubectl-set")
    await git.sync(reapply=True)
    assert git.there() == {
        "merged": {"value": "1", "extra": "by hand"},
        "plain": {"value": "1"},
        "over": {"value": "1"},
    }


async def test_a_field_that_flux_applied_and_git_drops_is_gone(git: Delivered) -> None:
    """A Kustomization that moves over from Flux: its controller's fields do not outlive it."""
    old = config("a", labels=dict(LABELS))
    old["data"] = {"value": "1", "dropped": "by flux"}
    await git.cluster.apply(old, manager="kustomize-controller")
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    assert git.there() == {"a": {"value": "1"}}


@pytest.mark.parametrize("how", ["spec", "in git", "in the cluster"])
async def test_a_field_that_cannot_be_changed_makes_a_new_object_where_that_is_wished(git: Delivered, how: str) -> None:
    """By spec.force or by an annotation on the object."""
    git.cluster.fixed["ConfigMap"] = "data.value"
    mark = {"annotations": {FORCE: "enabled"}}
    git.commit(config("a", **(mark if how == "in the cluster" else {})))
    git.kustomization(force=how == "spec")
    await git.sync()
    before = git.cluster.now("ConfigMap", "a", TEAM)["metadata"]["uid"]
    git.commit(config("a", "2", **(mark if how == "in git" else {})))
    await git.sync()
    assert git.there() == {"a": {"value": "2"}}
    assert git.cluster.now("ConfigMap", "a", TEAM)["metadata"]["uid"] != before


@pytest.mark.parametrize("error", [InvalidError, ForbiddenError])
async def test_a_webhook_that_keeps_a_field_is_understood(git: Delivered, error: type[SluiceError]) -> None:
    """It answers 403 (fluxcd/kustomize-controller#834, stefanprodan/timoni#209)."""
    git.commit(config("a"))
    git.kustomization(force=True)
    await git.sync()
    uid = git.cluster.now("ConfigMap", "a", TEAM)["metadata"]["uid"]

    def refuse(when: str, verb: str, item: dict[str, Any]) -> None:
        if (verb, when) == ("apply", "before") and item["metadata"].get("uid") == uid:
            raise error('admission webhook "w" denied the request: update may not change these fields: spec.arn')

    git.cluster.hooks.append(refuse)
    git.commit(config("a", "2"))
    await git.sync()
    assert git.there() == {"a": {"value": "2"}}


async def test_force_deletes_nothing_that_is_refused_for_another_reason(git: Delivered) -> None:
    """A manifest that is not valid leaves what runs as it is (fluxcd/kustomize-controller#734)."""
    git.commit(config("a"))
    git.kustomization(force=True)
    await git.sync()

    def refuse(when: str, verb: str, item: dict[str, Any]) -> None:
        if verb == "apply":
            raise InvalidError("Service is invalid: spec.ports: Required value")

    git.cluster.hooks.append(refuse)
    git.commit(config("a", "2"))
    with pytest.raises(InvalidError):
        await git.sync()
    assert git.there() == {"a": {"value": "1"}}


@pytest.mark.parametrize("name", [TEAM, "kube-system"])
async def test_its_own_namespace_and_the_cluster_s_are_never_deleted(git: Delivered, name: str) -> None:
    """A targetNamespace renames the Namespaces of a directory, and all that runs would go with them (fluxcd/flux2#4570)."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    git.commit(namespace, {**namespace, "metadata": {"name": "shop"}}, config("a"))
    git.kustomization()
    await git.sync()
    git.commit(config("a"))
    assert "1 pruned" in await git.sync()
    assert list(git.there("Namespace", "")) == [name]


async def test_what_a_definition_took_with_it_is_gone(git: Delivered) -> None:
    """The CRD leaves the cluster, its objects leave git (fluxcd/kustomize-controller#90): nothing is left to delete."""
    thing = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": TEAM}}
    git.cluster.served["example.com/v1", "Thing"] = Kind("example.com/v1", "Thing", "things")
    git.commit(thing, config("a"))
    git.kustomization()
    await git.sync()
    del git.cluster.served["example.com/v1", "Thing"]
    git.commit(config("a"))
    assert "0 pruned" in await git.sync()
    assert git.inventory() == ["team_a__ConfigMap"]


async def test_without_the_wish_the_way_out_is_named(git: Delivered) -> None:
    """Nothing is deleted."""
    git.cluster.fixed["ConfigMap"] = "data.value"
    git.commit(config("a"))
    git.kustomization()
    await git.sync()
    git.commit(config("a", "2"))
    with pytest.raises(InvalidError, match=FORCE):
        await git.sync()
    assert git.there() == {"a": {"value": "1"}}


async def test_what_another_kustomization_has_is_refused_by_name(git: Delivered) -> None:
    """Two that name one object do not undo each other's writes: the second says who has it."""
    git.commit(config("a"), path="one")
    git.commit(config("a", "2"), path="two")
    git.kustomization("one", "one")
    git.kustomization("two", "two")
    await git.sync("one")
    with pytest.raises(TransientError, match="is applied by Kustomization team/one"):
        await git.sync("two")
    assert git.there() == {"a": {"value": "1"}}
    assert "team/one" in git.condition(name="two")[2]


@pytest.mark.parametrize("first", ["one", "two"])
async def test_an_object_that_moves_to_another_kustomization_is_never_deleted(git: Delivered, first: str) -> None:
    """In one commit, whichever of the two is synced first."""
    git.commit(config("a"), config("b"), path="one")
    git.commit(config("c"), path="two")
    git.kustomization("one", "one")
    git.kustomization("two", "two")
    await git.sync("one")
    await git.sync("two")
    uid = git.cluster.now("ConfigMap", "a", TEAM)["metadata"]["uid"]
    git.commit(config("b"), path="one")
    git.commit(config("c"), config("a", "2"), path="two")
    if first == "two":
        with pytest.raises(TransientError):
            await git.sync("two")
        await git.sync("one")
        await git.sync("two")
        assert git.cluster.now("ConfigMap", "a", TEAM)["metadata"]["uid"] == uid
    else:
        await git.sync("one")
        await git.sync("two")
    assert git.there()["a"] == {"value": "2"}
    assert git.inventory("two") == ["team_a__ConfigMap", "team_c__ConfigMap"]


async def test_a_namespace_on_what_has_none_is_another_name_of_one_object(git: Delivered) -> None:
    """A renderer's `targetNamespace`, or an older inventory, wrote one: it is neither applied twice nor deleted."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "r"}, "rules": []}
    git.commit(role, config("a"))
    git.kustomization()
    await git.sync()
    assert "_r_rbac.authorization.k8s.io_ClusterRole" in git.inventory()
    git.commit({**role, "metadata": {"name": "r", "namespace": TEAM}}, config("a", "2"))
    assert "0 pruned" in await git.sync()
    old = git.cluster.now("Kustomization", "app", TEAM)
    old["status"]["inventory"]["entries"][0] = {"id": "team_r_rbac.authorization.k8s.io_ClusterRole", "v": "v1"}
    git.commit(role, config("a", "3"))
    assert "0 pruned" in await git.sync()
    assert "r" in git.there("ClusterRole", "")


async def test_one_object_twice_is_refused(git: Delivered) -> None:
    """One of them without a namespace, as kustomize lets through: the later would undo the earlier at every sync."""
    double = config("a", "2")
    del double["metadata"]["namespace"]
    git.commit(config("a"), double)
    git.kustomization()
    with pytest.raises(InvalidError, match="ConfigMap team/a is rendered more than once"):
        await git.sync()


async def test_a_version_that_is_no_longer_served_does_not_hide_an_object(git: Delivered) -> None:
    """Applied as v1beta1; v1 is served today: what left git is found and deleted."""
    git.commit(config("b"))
    git.kustomization()
    await git.sync()
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": TEAM, "labels": dict(LABELS)},
    }
    git.cluster.add(job)
    old = git.cluster.now("Kustomization", "app", TEAM)
    old["status"]["inventory"]["entries"].append({"id": "team_j_batch_Job", "v": "v1beta1"})
    git.commit(config("b", "2"))
    assert "1 pruned" in await git.sync()
    assert git.there("Job") == {}
    assert ObjectId(group="batch", version="v1", kind="Job", namespace=TEAM, name="j")


async def test_a_secret_is_in_no_message(git: Delivered) -> None:
    """The API server's errors of types quote the value that they do not like."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": TEAM},
        "stringData": {"p": 12345},
    }

    def refuse(when: str, verb: str, item: dict[str, object]) -> None:
        if verb == "apply" and item["kind"] == "Secret":
            raise InvalidError(
                "PATCH answered 400: .stringData.p: expected string, got &value.valueUnstructured{Value:12345}"
            )

    git.cluster.hooks.append(refuse)
    git.commit(secret)
    git.kustomization()
    with pytest.raises(InvalidError) as caught:
        await git.sync()
    assert "12345" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "12345" not in git.condition()[2]
    assert ".stringData.p: expected string" in git.condition()[2]
