"""`sluice flags`: what audits remember, and an audit at a terminal that changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from blocks.connections import connections
from deployments.tools.flags import audited, audits, found, remembered
from sluice.errors import InvalidError, NotFoundError
from tests.tasks.flags.auditing.world import TEAM, World, world


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    async with world(tmp_path, monkeypatch, staged=False) as made:
        yield made


def written(sut: World) -> dict[Any, Any]:
    """All objects but the signs of life of this process."""
    return {key: one for key, one in sut.cluster.objects.items() if key[0] != "Lease"}


async def test_an_audit_at_a_terminal_shows_the_places_and_writes_nothing(sut: World) -> None:
    """Neither git nor the forge nor the FlagAudit, whatever that says of pull requests; and it needs no Prefect."""
    repository = sut.repository()
    sut.service.put("new-checkout")
    sut.audit()
    before = (repository.head(), written(sut))
    (one,) = await audits(connections(), f"{TEAM}/weekly", ())
    finished = await audited(one, None)
    ((flag, finding, serves, days, owners, where, _),) = found(finished)
    assert (flag, finding, serves) == ("new-checkout", "fully-on", "production: true for everybody")
    assert (days, owners, where) == ("60", "@ann", "team/shop shop.py:8")
    assert (repository.head(), written(sut)) == before
    assert await sut.asked() == []


async def test_what_an_audit_remembers_is_shown_with_its_pull_requests(sut: World) -> None:
    """Those that matter first, the oldest of them before the others."""
    sut.audit()
    states = {"production": {"serves": "true for everybody", "since": "2026-01-01T00:00:00Z"}}
    flags = [
        {"key": "alive", "finding": "live"},
        {"key": "young", "finding": "fully-on", "value": "true", "since": "2026-02-01T00:00:00Z", "saidBy": "audit"},
        {
            "key": "old",
            "finding": "fully-on",
            "since": "2026-01-01T00:00:00Z",
            "saidBy": "service",
            "environments": states,
            "owners": ["@ann"],
            "places": 3,
        },
    ]
    removal = {"flag": "old", "value": "true", "url": "u", "branch": "b", "into": "main", "address": "https://x/1"}
    made = sut.cluster.objects["FlagAudit", TEAM, "weekly"]
    sut.cluster.add({**made, "status": {"flags": flags, "removals": [removal]}})
    (one,) = await audits(connections(), "", (None,))
    lines = remembered(one, datetime(2026, 3, 2, tzinfo=UTC))
    assert lines == [
        ("old", "fully-on", "production: true for everybody", "60", "@ann", "3", "https://x/1 (open)"),
        ("young", "fully-on", "", "29 (first seen)", "", "0", ""),
        ("alive", "live", "", "", "", "0", ""),
    ]


async def test_a_name_that_is_none_says_how_to_write_one(sut: World) -> None:
    """And one that nobody has, how to find those that are there."""
    with pytest.raises(InvalidError, match="namespace/name"):
        await audits(connections(), "weekly", ())
    with pytest.raises(NotFoundError, match="kubectl get flagaudits"):
        await audits(connections(), "team/other", ())
