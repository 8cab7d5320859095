"""Flux's manifests: what may be left out is reported, and what may not be left out is refused."""

from __future__ import annotations

import traceback
from typing import Any

import pytest

from sluice.errors import InvalidError
from sluice.manifests.flux.git_repository import GitRepository
from sluice.manifests.flux.kustomization import Kustomization
from sluice.manifests.flux.vital import refuse_vital


def source(**spec: Any) -> GitRepository:
    return GitRepository.parse({"metadata": {"name": "shop"}, "spec": {"url": "https://git.example/shop", **spec}})


def kustomization(**spec: Any) -> Kustomization:
    return Kustomization.parse(
        {"metadata": {"name": "shop"}, "spec": {"sourceRef": {"name": "shop"}, "prune": True, **spec}}
    )


@pytest.mark.parametrize(
    ("ref", "branch"),
    [
        (None, "master"),
        ({"branch": "main"}, "main"),
        ({"tag": "v1"}, ""),
        ({"branch": "main", "tag": "v1"}, ""),
        ({"semver": ">=1"}, ""),
        ({"branch": "main", "commit": "0" * 40}, ""),
        ({"name": "refs/heads/main"}, ""),
    ],
    ids=["default", "branch", "tag", "tag before branch", "range", "pinned", "by name"],
)
def test_only_a_branch_is_followed_as_a_branch(ref: dict[str, str] | None, branch: str) -> None:
    """A source that is pinned to a tag or a commit must not move with a branch that it does not even name."""
    assert source(**({"ref": ref} if ref else {})).spec.ref.followed == branch


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://git.example/a@b/shop.git", "https://git.example/a@b/shop.git"),
        ("https://bot:secret@git.example:8443/shop", "https://git.example:8443/shop"),
        ("https://token@git.example/shop", "https://git.example/shop"),
        ("ssh://git@git.example/shop", "ssh://git@git.example/shop"),
        ("ssh://git:secret@git.example/shop", "ssh://git@git.example/shop"),
    ],
)
def test_the_address_of_a_source_has_no_secret(url: str, shown: str) -> None:
    """It goes into events, names of runs and messages."""
    assert source(url=url).address == shown


@pytest.mark.parametrize("field", ["kubeConfig", "serviceAccountName", "decryption", "postBuild"])
def test_what_may_not_be_left_out_of_a_kustomization_is_acted_on_or_refused(field: str) -> None:
    """Without it the objects would go to the wrong cluster, with too many rights, or be other ones."""
    with pytest.raises(InvalidError, match=rf"spec\.{field}"):
        kustomization(**{field: {"substitute": 1}})
    assert not list(kustomization(serviceAccountName="a").spec.unsupported("spec"))


@pytest.mark.parametrize("field", ["verify", "include", "serviceAccountName"])
def test_what_may_not_be_left_out_of_a_source_is_refused(field: str) -> None:
    """Commits that were to be verified are not applied unverified, also where what was written is not understood."""
    with pytest.raises(InvalidError, match=rf"spec\.{field}"):
        refuse_vital((spec := source(**{field: {"some": "thing"}}).spec), spec.vital)


def test_what_may_be_left_out_is_reported_and_nothing_is_refused() -> None:
    """The sync goes on, and its owner can read what it did not do."""
    spec = kustomization(further=[{"paths": ["/x"]}], another={}, interval="5m", timeout="1m").spec
    refuse_vital(spec, spec.vital)
    assert list(spec.unsupported("spec")) == ["spec.further", "spec.another"]
    assert spec.timeout == 60


def test_a_wrong_address_is_refused_without_its_login() -> None:
    """Also in the traceback, which Prefect keeps."""
    secret = "correct-horse"
    with pytest.raises(InvalidError) as caught:
        source(url=f"Git://{secret}@git.example/team/shop")
    assert "spec.url" in str(caught.value)
    assert secret not in "".join(traceback.format_exception(caught.value))
