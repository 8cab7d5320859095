"""The world of each test here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from flows import audit_flags
from tests.tasks.flags.auditing.world import World, world


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What each audit left in Prefect."""
    return []


@pytest.fixture
async def sut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reported: list[Any]) -> AsyncIterator[World]:
    async with world(tmp_path, monkeypatch) as made:

        async def keep(finished: Any) -> None:
            reported.append(finished)

        monkeypatch.setattr(audit_flags, "report", keep)
        yield made
