"""A site with Receivers for the tests of doors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.deployments.doors.hook_site import Site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    made = Site()
    following = asyncio.create_task(made.hooks.run())
    async with made.http:
        yield made
    following.cancel()
    await asyncio.wait({following})
