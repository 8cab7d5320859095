"""The running lab, for tests that need it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
UP_TIMEOUT_S = 3600


@pytest.fixture(scope="session")
def lab_env() -> dict[str, Any]:
    """What .lab/env.json says; the lab is started if it does not run."""
    done = subprocess.run([sys.executable, "-m", "lab", "up"], cwd=CHECKOUT, timeout=UP_TIMEOUT_S, check=False)
    if done.returncode != 0:
        pytest.fail("`lab up` failed; what it said is above")
    return dict(json.loads((CHECKOUT / ".lab" / "env.json").read_text()))
