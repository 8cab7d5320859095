"""An audit as a flow of a real Prefect: its tasks, their names, and what it leaves there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefect.artifacts import Artifact
from prefect.testing.utilities import prefect_test_harness

from flows.audit_flags import audit_flags
from tests.tasks.flags.auditing.world import world

pytestmark = pytest.mark.server


async def test_an_audit_leaves_its_table_and_its_sarif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a second one of all FlagAudits, as the schedule starts it, proposes nothing twice."""
    with prefect_test_harness(server_startup_timeout=120):
        async with world(tmp_path, monkeypatch, staged=False) as sut:
            sut.repository()
            sut.service.put("new-checkout")
            sut.audit()
            state = await audit_flags("weekly", "team", return_state=True)
            assert state.name == "Audited"
            assert (await audit_flags(return_state=True)).name == "Audited"
            assert len(await sut.pulls()) == 1
            table = await Artifact.aget("flags-team-weekly")
            sarif = await Artifact.aget("flags-team-weekly-sarif")
    assert table is not None
    assert sarif is not None
    assert "new-checkout" in str(table.data)
    assert json.loads(str(sarif.data))["version"] == "2.1.0"
