"""The short part of the fault suite: one small round of it on the real lab, always the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab
CHECKOUT = Path(__file__).resolve().parents[3]
ROUND = Path(__file__).with_name("round.json")
GIVES_UP_S = 900


def test_rollouts_that_are_hit_by_faults_keep_every_law(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """A worker killed and one stopped in the middle of acts, lost answers and conflicts, metrics that are empty.

    `python -m lab.faults --replay tests/lab/faults/round.json` plays the same round again.
    """
    out = tmp_path / "faults.json"
    command = [sys.executable, "-m", "lab.faults", "--replay", str(ROUND), "--out", str(out)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=GIVES_UP_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(out.read_text())
    assert told["violations"] == 0
    assert told["releases"] == 5
    assert told["cases"] >= 1
    assert told["users"]["requests"] > 0
