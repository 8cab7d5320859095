"""What the lab's tests of releases share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.tasks.helm.lab_shop import Shop, shop


@pytest.fixture
async def it(lab_env: dict[str, Any], tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop(lab_env, tmp_path / "home") as made:
        yield made
