"""The promises of docs/reliability.md name tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([\w/]*test_\w+\.py)::(test_\w+)`")


def test_every_promise_is_kept_by_a_test_that_exists() -> None:
    """A promise whose test was renamed or removed is a promise that nothing keeps."""
    named = NAMED.findall((ROOT / "docs" / "reliability.md").read_text())
    assert len(named) > 20
    for file, test in named:
        path = ROOT / file if "/" in file else next((ROOT / "tests" / "deployments").rglob(file))
        assert f"def {test}(" in path.read_text(), f"{file}::{test}"
