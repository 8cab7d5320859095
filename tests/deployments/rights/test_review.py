"""Which Secrets the doctor asks for: those that objects name, for the part that reads them."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.rights.part import Part
from deployments.rights.review import Reviewer
from tests.memory_cluster import MemoryCluster


def naming(kind: str, api: str, secret: str, **spec: Any) -> dict[str, Any]:
    meta = {"name": kind.lower(), "namespace": "apps"}
    return {"apiVersion": api, "kind": kind, "metadata": meta, "spec": {"secretRef": {"name": secret}, **spec}}


@pytest.mark.parametrize(
    ("part", "secrets"),
    [(Part.WORKER, ["git-login", "registry-login"]), (Part.RECEIVER, ["webhook"]), (Part.WATCHER, [])],
)
async def test_a_part_asks_for_the_secrets_that_it_reads(part: Part, secrets: list[str]) -> None:
    """The receiver reads no login of git, and the worker no token of a sender."""
    cluster: Any = MemoryCluster()
    cluster.add(
        naming("GitRepository", "source.toolkit.fluxcd.io/v1", "git-login", url="https://git.test/a", interval="1m"),
        naming("ImageRepository", "image.toolkit.fluxcd.io/v1", "registry-login", image="r.test/a", interval="1m"),
        naming("Receiver", "notification.toolkit.fluxcd.io/v1", "webhook", type="generic", resources=[]),
    )
    asked = await Reviewer(cluster, "sluice", (part,))._secrets()
    assert [(one.verb, one.namespace, one.name) for one in asked] == [("get", "apps", name) for name in secrets]
