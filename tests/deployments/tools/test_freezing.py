"""Freezing by a command: what it makes, and that it takes away nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deployments.commands.freezing import BY_COMMAND, freeze_of, thaw
from sluice.errors import InvalidError
from sluice.manifests.own.freeze import Freeze
from tests.memory_cluster import MemoryCluster

BY = "alice@example.org"


def test_a_freeze_of_a_namespace_lies_in_it_and_one_of_everything_at_home() -> None:
    """With who and why; only sluice's own namespace reaches others."""
    one, all_of_it = (Freeze.parse(freeze_of(where, "sluice", BY, "sale")) for where in ("shop", ""))
    assert (one.namespace, one.spec.namespaces, one.spec.by, one.spec.reason) == ("shop", (), BY, "sale")
    assert (all_of_it.namespace, all_of_it.spec.namespaces) == ("sluice", ("*",))


def test_an_unfreeze_takes_away_what_commands_made_and_nothing_of_others() -> None:
    """What git or a calendar holds is theirs."""
    cluster: Any = MemoryCluster()
    mine = freeze_of("shop", "sluice", BY, "sale", "2026-12-24T18:00:00+00:00")
    others = freeze_of("shop", "sluice", BY, "year's end")
    others["metadata"] = {"name": "year-end", "namespace": "shop"}
    elsewhere = freeze_of("stock", "sluice", BY, "count")
    cluster.add(mine, others, elsewhere)
    gone = asyncio.run(thaw(cluster, "shop"))
    assert gone == [mine["metadata"]["name"]]
    assert {key[2] for key in cluster.objects} == {"year-end", elsewhere["metadata"]["name"]}
    assert mine["metadata"]["labels"] == {BY_COMMAND: "true"}


def test_a_freeze_that_says_nothing_that_can_be_is_refused_before_it_is_made() -> None:
    """By field."""
    with pytest.raises(InvalidError, match="until"):
        freeze_of("shop", "sluice", BY, "sale", "someday")
