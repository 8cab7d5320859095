"""A worker without helm says so on each HelmRelease, and uses up none of its tries."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.helm.program import Helm
from sluice.errors import TerminalError
from tasks.helm.finding.find_due_releases import find_due_releases
from tasks.helm.sync_release import sync_release
from tests.connected import connected
from tests.memory_cluster import MemoryCluster


async def test_a_release_waits_for_the_program_and_is_tried_again(tmp_path: Path) -> None:
    cluster = MemoryCluster()
    chart = {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "charts"}}}
    meta = {"name": "shop", "namespace": "team", "uid": "0a"}
    cluster.add({"kind": "HelmRelease", "metadata": meta, "spec": {"interval": "1h", "chart": chart}})
    helm = Helm(tmp_path, program="no-such-helm")
    async with connected(cluster, router=None, metrics=None, gates=None, helm=helm):
        with pytest.raises(TerminalError, match="'no-such-helm' is not there: install Helm 4"):
            await sync_release.fn("team", "shop")
        (again,) = await find_due_releases.fn()
    assert "/60/" in again.delivery, "within a minute, not at its interval"
    status = cluster.now("HelmRelease", "shop", "team")["status"]
    (ready,) = [one for one in status["conditions"] if one["type"] == "Ready"]
    assert (ready["status"], ready["reason"]) == ("False", "ProgramMissing")
    assert not status.get("installFailures")
