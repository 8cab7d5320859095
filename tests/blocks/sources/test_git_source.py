"""A GitRepository of the cluster becomes a source: with its own login, or a reason by name."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from blocks.sources.git import remote_of
from sluice.errors import InvalidError
from sluice.manifests.flux.git_repository import GitRepository
from tests.memory_cluster import MemoryCluster


def repository(**spec: Any) -> GitRepository:
    return GitRepository.parse({"metadata": {"name": "app", "namespace": "team"}, "spec": spec})


def secret(name: str, **data: str) -> dict[str, Any]:
    coded = {key.replace("__", "."): base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "team"}, "data": coded}


@pytest.mark.parametrize("ref", [None, {"name": "login"}], ids=["no secret", "no key in it"])
async def test_ssh_needs_a_key_of_its_own(ref: dict[str, str] | None) -> None:
    """Without one the key of whoever runs sluice would open repositories to everybody who may write a GitRepository."""
    cluster = MemoryCluster()
    cluster.add(secret("login", username="bot", password="p"))
    source = repository(url="ssh://git@github.com/acme/fleet", **({"secretRef": ref} if ref else {}))
    with pytest.raises(InvalidError, match=r"spec\.secretRef must name a Secret with identity and known_hosts"):
        await remote_of(cluster, source)
