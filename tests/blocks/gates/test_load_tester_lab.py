"""Flagger's own load tester works as it is, and sluice's gate API answers a script as it does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.programs.modules import HEY, LOAD_TESTER, built
from tests.blocks.gates.load_tester_story import api
from tests.deployments.doors.test_gates import TOKEN, receiver
from tests.memory_cluster import MemoryCluster

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def answered() -> dict[str, Any]:
    """What the real one answered, built from its Go module, in a network of its own."""
    story = [sys.executable, "-m", "tests.blocks.gates.load_tester_story", str(built(LOAD_TESTER)), str(built(HEY))]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        ["unshare", "--net", *story], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def test_a_script_cannot_tell_sluice_s_gates_from_the_load_tester_s(answered: dict[str, Any]) -> None:
    """Status codes and words of every call, one after the other; only why a body is refused is said here."""
    app = receiver(MemoryCluster())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        assert await api(http, "http://sluice.test", **TOKEN) == answered["api"]


@pytest.mark.parametrize(
    ("task", "opens"),
    [
        ("a command that is started", True),
        ("bash that ends well", True),
        ("bash that fails", False),
        ("no such task", False),
    ],
)
def test_webhooks_reach_the_load_tester_s_tasks(answered: dict[str, Any], task: str, opens: bool) -> None:
    """Load that it starts (hey), tests that it runs (bash): what they come to is what the gate says."""
    opened, said = answered["hooks"][task]
    assert opened == opens, said
