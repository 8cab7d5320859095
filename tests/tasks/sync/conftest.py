"""A world for tests of syncs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.tasks.sync.delivered import Delivered, delivering


@pytest.fixture
async def git() -> AsyncIterator[Delivered]:
    async with delivering() as world:
        yield world
