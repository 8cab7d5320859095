"""What a sync reads from rendered objects, in which order it applies them, and what it remembers of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import InvalidError
from sluice.manifests.flux.kustomization import Inventory, InventoryEntry
from sluice.sync.applying.wishes import left_alone, never_pruned
from sluice.sync.inventory import departed, inventory
from sluice.sync.objects import ObjectId, identity, read_objects
from sluice.sync.order import waves
from sluice.sync.revision import commit_of, revision
from sluice.sync.source_url import same_source

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: team}\n"


def thing(kind: str, name: str = "a", **meta: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **meta}}


def test_documents_and_lists_are_taken_apart() -> None:
    """Any number of documents, empty ones, and a `List` of objects."""
    listed = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: apps/v1, kind: D, metadata: {name: b}}\n"
    text = f"---\n{CONFIG}---\n# nothing\n---\n{listed}"
    found = [str(identity(one)) for one in read_objects(text, "here")]
    assert found == ["ConfigMap team/a", "D b"]
    assert read_objects("", "here") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "apps is not YAML"),
        ("just words", "not a Kubernetes object but str"),
        ("- a", "not a Kubernetes object but list"),
        ("kind: X\nmetadata: {name: a}", "lacks apiVersion"),
        ("apiVersion: v1\nkind: X\nmetadata: {}", r"lacks metadata\.name"),
        ("apiVersion: v1\nkind: 3\nmetadata:", r"lacks kind, metadata\.name"),
        ("apiVersion: v1\nkind: List\nitems: [7]", "not a Kubernetes object but int"),
        ("a: !!python/object/apply:os.system [x]", "apps is not YAML"),
    ],
)
def test_what_is_no_object_is_refused_with_its_place(text: str, said: str) -> None:
    """Nothing is half understood, and no tag of YAML runs anything."""
    with pytest.raises(InvalidError, match=said):
        read_objects(text, "apps")


@pytest.mark.parametrize("place", ["annotations", "labels"])
def test_users_can_keep_sync_away_from_an_object(place: str) -> None:
    """`reconcile: disabled` leaves it alone, and also never deletes it; `prune: disabled` only never deletes it."""
    reconcile = thing("X", **{place: {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}})
    prune = thing("X", **{place: {"kustomize.toolkit.fluxcd.io/prune": "disabled"}})
    assert (left_alone(reconcile), never_pruned(reconcile)) == (True, True)
    assert (left_alone(prune), never_pruned(prune)) == (False, True)
    assert not left_alone(thing("X", **{place: {"kustomize.toolkit.fluxcd.io/reconcile": "enabled"}}))
    assert not never_pruned(thing("X", **{place: None}))


def test_what_others_need_is_applied_before_them() -> None:
    """Namespaces and definitions, then configuration, then workloads; nothing is lost, empty waves are left out."""
    kinds = ["Deployment", "Service", "Namespace", "Canary", "ConfigMap", "CustomResourceDefinition"]
    ordered = [[one["kind"] for one in wave] for wave in waves([thing(kind) for kind in kinds])]
    assert ordered == [["Namespace", "CustomResourceDefinition"], ["Service", "ConfigMap"], ["Deployment", "Canary"]]
    assert waves([]) == []
    assert len(waves([thing("Deployment")])) == 1


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.:-]{0,8}[a-z0-9])?", fullmatch=True)
IDS = st.builds(
    ObjectId,
    group=st.sampled_from(["", "apps", "rbac.authorization.k8s.io"]),
    version=st.just("v1"),
    kind=st.sampled_from(["ConfigMap", "ClusterRole"]),
    namespace=st.one_of(st.just(""), st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)),
    name=NAMES,
)


@given(st.lists(IDS, unique=True), st.lists(IDS, unique=True))
def test_what_left_is_exactly_what_was_there_and_is_no_more(before: list[ObjectId], after: list[ObjectId]) -> None:
    """The inventory tells each object again from its entry: names with colons, objects without namespace or group."""
    gone = departed(inventory(before), after)
    assert sorted(map(str, gone)) == sorted(map(str, set(before) - set(after)))
    assert set(gone) == set(before) - set(after)


def test_the_entries_are_flux_s() -> None:
    """A cluster can move from one to the other with its inventory; the order is always the same."""
    role = ObjectId(group="rbac.authorization.k8s.io", version="v1", kind="ClusterRole", namespace="", name="system:a")
    config = ObjectId(group="", version="v1", kind="ConfigMap", namespace="team", name="a")
    entries = inventory([config, role, config]).entries
    assert [(one.id, one.v) for one in entries] == [
        ("_system__a_rbac.authorization.k8s.io_ClusterRole", "v1"),
        ("team_a__ConfigMap", "v1"),
    ]


def test_a_newer_api_version_is_no_departure() -> None:
    """An object that moves from v1beta1 to v1 is not deleted."""
    old = ObjectId(group="flagger.app", version="v1beta1", kind="Canary", namespace="a", name="b")
    assert departed(inventory([old]), [old.model_copy(update={"version": "v1"})]) == []


@pytest.mark.parametrize("entry", ["", "a", "a_b", "a_b_c", "a_b_c_", "a__c_D"])
def test_an_entry_that_cannot_be_read_deletes_nothing(entry: str) -> None:
    """Deleting by guess is worse than leaving something behind."""
    assert departed(Inventory(entries=(InventoryEntry(id=entry, v="v1"),)), []) == []


def test_revisions_are_flux_s() -> None:
    """Branch, kind of hash and commit; branches may hold an @."""
    assert revision("main", "a" * 40) == "main@sha1:" + "a" * 40
    assert revision("main", "a" * 64) == "main@sha256:" + "a" * 64
    assert commit_of(revision("a@b", "c" * 40)) == "c" * 40
    assert commit_of("") == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/acme/shop", "https://github.com/acme/shop.git/", True),
        ("https://user:secret@GitHub.com:443//acme/shop", "https://github.com/acme/shop", True),
        ("git@github.com:acme/shop.git", "ssh://git@github.com/acme/shop", True),
        ("ssh://git@github.com:22/acme/shop", "git@github.com:acme/shop", True),
        ("https://github.com/acme/shop", "https://github.com/Acme/Shop.git", True),
        ("https://git.example/acme/shop", "https://git.example/ACME/shop", True),
        ("https://github.com/acme/shop", "https://github.com:8443/acme/shop", False),
        ("http://127.0.0.1:13000/shop.git", "http://127.0.0.1:13001/shop.git", False),
        ("https://github.com/acme/shop", "ssh://git@github.com/acme/shop", True),
        ("https://github.com/acme/shop", "ssh://git@github.com/acme/other", False),
        ("https://github.com/acme/shop", "ssh://git@ssh.github.com:443/acme/shop.git", True),
        ("https://gitlab.com/acme/a/shop.git", "ssh://git@altssh.gitlab.com:443/acme/a/shop", True),
        ("https://git.example/acme/shop.git", "ssh://git@git.example:2222/acme/shop", True),
        ("https://git.example/acme/shop.git", "ssh://git@other.example:2222/acme/shop", False),
        ("ssh://git@git.example:2222/acme/shop", "ssh://git@git.example:2223/acme/shop", False),
        ("https://dev.azure.com/acme/a/_git/shop", "ssh://git@ssh.dev.azure.com/v3/acme/a/shop", True),
        ("https://bot@dev.azure.com/acme/a/_git/shop", "git@ssh.dev.azure.com:v3/acme/a/shop", True),
        ("https://registry.example/acme/shop", "oci://registry.example/acme/shop", False),
        ("http://[::1]:3000/shop", "http://[::1]:3000/shop.git", True),
        ("http://host:port/x", "http://host:port/x", True),
    ],
)
def test_one_repository_is_known_in_each_spelling(one: str, other: str, same: bool) -> None:
    """A webhook, a manifest and a log write one address in different ways."""
    assert same_source(one, other) is same_source(other, one) is same
