"""Freezing by a command: what it makes, that it takes away nothing else, and the trail of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sluice.errors import InvalidError, NotFoundError, TerminalError
from sluice.gates.answering.freezing import BY_COMMAND, freeze_of
from sluice.manifests.own.freeze import Freeze
from tasks.people.asking.freezing import freeze, thaw
from tests.memory_cluster import MemoryCluster

BY, HOME = "alice@example.org", "sluice"


def acts(cluster: Any) -> list[tuple[str, str]]:
    """What the trail says, oldest first."""
    found = [item for key, item in cluster.objects.items() if key[0] == "AuditRecord"]
    found.sort(key=lambda item: int(item["metadata"]["resourceVersion"]))
    return [(item["spec"]["act"], item["spec"]["by"]) for item in found]


def frozen(cluster: Any) -> list[Freeze]:
    """The Freezes that are there."""
    return [Freeze.parse(item) for key, item in cluster.objects.items() if key[0] == "Freeze"]


def test_a_freeze_of_a_namespace_lies_in_it_and_one_of_everything_at_home() -> None:
    """With who and why, and until when; only sluice's own namespace reaches others."""
    cluster: Any = MemoryCluster()
    said = asyncio.run(freeze(cluster, HOME, "shop", BY, "sale", through="cli", lasts=3600))
    asyncio.run(freeze(cluster, HOME, "", BY, "outage", through="slack"))
    one, whole = frozen(cluster)
    assert said.startswith("shop is frozen by alice@example.org: sale")
    assert (one.namespace, one.spec.namespaces, one.spec.by, one.spec.reason) == ("shop", (), BY, "sale")
    assert one.spec.until
    assert (whole.namespace, whole.spec.namespaces, whole.spec.until) == (HOME, ("*",), None)
    assert acts(cluster) == [("freeze", BY), ("freeze", BY)]


def test_a_thaw_takes_away_what_commands_made_and_nothing_of_others() -> None:
    """What git or a calendar holds is theirs; what is of everything is no namespace's, not even of its own."""
    cluster: Any = MemoryCluster()
    others = freeze_of("shop", HOME, BY, "year's end", "year-end")
    others["metadata"]["labels"].pop(BY_COMMAND)
    cluster.add(others, freeze_of("stock", HOME, BY, "count", "elsewhere"), freeze_of("", HOME, BY, "all", "all"))
    cluster.add(freeze_of("shop", HOME, BY, "sale", "mine"), freeze_of(HOME, HOME, BY, "ours", "ours"))
    assert "mine taken away" in asyncio.run(thaw(cluster, HOME, "shop", BY, through="cli"))
    assert {one.name for one in frozen(cluster)} == {"year-end", "elsewhere", "all", "ours"}
    asyncio.run(thaw(cluster, HOME, "", BY, through="cli"))
    assert {one.name for one in frozen(cluster)} == {"year-end", "elsewhere", "ours"}
    assert acts(cluster) == [("unfreeze", BY), ("unfreeze", BY)]
    assert "nothing was taken away" in asyncio.run(thaw(cluster, HOME, "shop", BY, through="cli"))
    assert len(acts(cluster)) == 2


def test_a_freeze_that_cannot_be_is_refused_before_it_is_made() -> None:
    """By field."""
    with pytest.raises(InvalidError, match="reason"):
        freeze_of("shop", HOME, BY, "x" * 501, "long")


def test_a_cluster_without_the_kind_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade may not have brought the definitions."""
    cluster: Any = MemoryCluster()

    async def nothing(_manifest: Any) -> None:
        raise NotFoundError("the cluster does not serve it")

    monkeypatch.setattr(cluster, "create", nothing)
    with pytest.raises(TerminalError, match="sluice crds"):
        asyncio.run(freeze(cluster, HOME, "shop", BY, "sale", through="cli"))
