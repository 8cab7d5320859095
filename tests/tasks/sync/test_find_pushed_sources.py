"""Which OCIRepositories a push is about."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.sync.find_pushed_sources import find_pushed_sources
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


def artifact(name: str, namespace: str = "apps", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": name, "namespace": namespace, "uid": name, "generation": 1},
        "spec": {"url": "oci://registry.example/team/manifests", "interval": "1h", **spec},
    }


async def found(*manifests: dict[str, Any], tag: str = "latest", run: str = "r-1") -> list[tuple[str, str]]:
    cluster = MemoryCluster()
    cluster.add(*manifests)
    async with connected(cluster, router=None, metrics=None, gates=None):
        events = await find_pushed_sources.fn("registry.example/team/manifests", tag, run)
    return [(event.url, str(event.id)) for event in events]


@pytest.mark.parametrize(
    ("ref", "tag", "about"),
    [
        ({}, "latest", True),
        ({}, "v1", False),
        ({"tag": "v1"}, "v1", True),
        ({"tag": "v1"}, "latest", False),
        ({"semver": ">=1.0.0"}, "1.2.0", True),
        ({"tag": "v1", "digest": "sha256:" + "a" * 64}, "v1", False),
    ],
    ids=str,
)
async def test_a_push_is_about_what_follows_its_tag(ref: dict[str, str], tag: str, about: bool) -> None:
    """A pinned digest moves by no push; which tag a range means is asked of the registry."""
    assert bool(await found(artifact("shop", ref=ref), tag=tag)) is about


async def test_a_push_is_about_its_repository_only() -> None:
    """Suspended sources and others are not asked; several objects at one address are fetched by one sync."""
    others = [artifact("other", url="oci://registry.example/team/other"), artifact("rests", suspend=True)]
    assert await found(*others) == []
    ((url, _),) = await found(artifact("one"), artifact("two", "infra"), *others)
    assert url == "oci://registry.example/team/manifests"


async def test_a_delivery_that_is_repeated_finds_the_same_events_and_the_next_one_others() -> None:
    """A tag may be pushed as often as one likes: each push is a sync of its own."""
    (first,), (again,), (other,) = [await found(artifact("shop"), run=run) for run in ("r-1", "r-1", "r-2")]
    assert first == again != other
