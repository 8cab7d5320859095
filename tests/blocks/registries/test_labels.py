"""The labels of an image, over real HTTP: of one platform, of several, and of what is no image."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from blocks.registries.pulls import Puller
from sluice.errors import TerminalError
from sluice.images.reference import Repository
from tests.blocks.sources.oci_server import INDEX, MANIFEST, OciServer, digest_of

LABELS = {"org.opencontainers.image.revision": "1" * 40}


@pytest.fixture
def server() -> Iterator[OciServer]:
    running = OciServer()
    yield running
    running.close()


def pushed(server: OciServer, config: Any) -> str:
    """An image with this configuration; the digest of its manifest."""
    raw = json.dumps(config).encode()
    server.blobs[digest_of(raw)] = raw
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(raw), "size": len(raw)}
    return server.put("shop", "1", {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []})


async def labels(server: OciServer, digest: str) -> dict[str, str]:
    async with Puller() as sut:
        return await sut.labels(Repository(registry=server.host, path="shop"), digest)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"config": {"Labels": LABELS}}, LABELS),
        ({"config": {"Labels": None}}, {}),
        ({"config": {}}, {}),
        ({}, {}),
        ([], {}),
        ({"config": {"Labels": ["a"]}}, {}),
    ],
)
async def test_labels_are_in_the_configuration(server: OciServer, config: Any, found: dict[str, str]) -> None:
    """An image that says nothing of itself has none."""
    assert await labels(server, pushed(server, config)) == found


async def test_of_an_image_for_several_platforms_one_is_read(server: OciServer) -> None:
    """They are built from one commit."""
    inner = pushed(server, {"config": {"Labels": LABELS}})
    one = {"mediaType": MANIFEST, "digest": inner, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}
    index = server.put("shop", "2", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [one]})
    assert await labels(server, index) == LABELS


async def test_a_configuration_that_is_another_one_is_refused(server: OciServer) -> None:
    """What a registry gives is proven by its digest."""
    digest = pushed(server, {"config": {"Labels": LABELS}})
    (config,) = server.blobs
    server.blobs[config] = server.blobs[config].replace(b"1", b"2")
    with pytest.raises(TerminalError):
        await labels(server, digest)


async def test_what_a_builder_annotates_counts_like_a_label(server: OciServer) -> None:
    """Of the manifest, or of the index of several; a label of the image goes before both."""
    raw = json.dumps({"config": {"Labels": {"a": "label"}}}).encode()
    server.blobs[digest_of(raw)] = raw
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(raw), "size": len(raw)}
    body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []}
    inner = server.put("shop", "1", {**body, "annotations": {"a": "manifest", "b": "manifest"}})
    one = {"mediaType": MANIFEST, "digest": inner, "size": 1, "platform": {"os": "linux", "architecture": "amd64"}}
    notes = {"a": "index", "b": "index", "c": "index"}
    body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [one], "annotations": notes}
    assert await labels(server, server.put("shop", "2", body)) == {"a": "label", "b": "manifest", "c": "index"}
