"""Names of images: one thing has one name, however it is written."""

from __future__ import annotations

import pytest

from sluice.errors import InvalidError
from sluice.images.reference import ImageRef, parse_repository, same_repository


@pytest.mark.parametrize(
    ("name", "registry", "path"),
    [
        ("nginx", "docker.io", "library/nginx"),
        ("team/shop", "docker.io", "team/shop"),
        ("index.docker.io/team/shop", "docker.io", "team/shop"),
        ("docker.io/nginx", "docker.io", "library/nginx"),
        ("localhost/shop", "localhost", "shop"),
        ("127.0.0.1:15000/shop", "127.0.0.1:15000", "shop"),
        ("GHCR.io/team/a__b/c-d", "ghcr.io", "team/a__b/c-d"),
        ("[::1]:5000/shop", "[::1]:5000", "shop"),
    ],
)
def test_a_name_says_registry_and_path(name: str, registry: str, path: str) -> None:
    """The implied parts are made explicit, as Docker reads them."""
    found = parse_repository(name)
    assert (found.registry, found.path) == (registry, path)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Shop",
        "shop:1.0",
        "shop@sha256:ab",
        "ghcr.io/",
        "ghcr.io/a//b",
        "a/../b",
        "http://x/y",
        "-a/b",
        "ghcr.io/a b",
    ],
)
def test_what_is_no_repository_is_refused(name: str) -> None:
    """A tag, a digest, a URL or a way up is not part of a repository's name."""
    with pytest.raises(InvalidError, match="not the name of an image repository"):
        parse_repository(name)
    assert not same_repository(name, name)


def test_the_same_repository_is_known_in_each_spelling() -> None:
    """What a registry notifies and what a manifest says may differ in writing."""
    assert same_repository("nginx", "registry-1.docker.io/library/nginx")
    assert not same_repository("ghcr.io/nginx", "nginx")


def test_an_image_is_written_with_what_is_known_of_it() -> None:
    """Tag for people, digest for machines; neither where it is not known."""
    assert str(ImageRef(name="r.io/a/shop", tag="1", digest="sha256:ab")) == "r.io/a/shop:1@sha256:ab"
    assert str(ImageRef(name="shop", digest="sha256:ab")) == "shop@sha256:ab"
    assert ImageRef(name="r.io/a/shop", tag="1", digest="sha256:ab").short == "shop:1"
