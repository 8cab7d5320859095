"""The short part of the fault suite: one round of it on the real lab, by a seed that is always the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.lab
CHECKOUT = Path(__file__).resolve().parents[2]
SEED = 219
ENDS_WITHIN_S = 420


def test_rollouts_that_are_hit_by_faults_keep_every_law(lab_env: dict[str, Any], tmp_path: Path) -> None:
    """Workers killed and stopped in the middle of acts, a killed Prefect server, trouble with API server and metrics.

    The seed is in the output; `python -m lab.faults --replay SEED/0` plays the same round again.
    """
    out = tmp_path / "faults.json"
    command = [sys.executable, "-m", "lab.faults", "--seed", str(SEED), "--cases", "1", "--out", str(out)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=ENDS_WITHIN_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(out.read_text())
    assert told["violations"] == 0
    assert told["cases"] >= 7, "most releases of the round have met a fault"
    assert told["users"]["requests"] > 1000
