"""Programs in Python, run: each in a folder and a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DRIVER = Path(__file__).parent / "driver.py"
WITHIN_S = 600


@dataclass(frozen=True)
class Outcome:
    """What a program did.

    Attributes:
        printed: by its check.
        tests: how each of its tests ended.
    """

    printed: str
    tests: Mapping[str, str]

    @property
    def failed(self) -> dict[str, str]:
        """The tests that did not pass."""
        return {name: how for name, how in self.tests.items() if how not in {"passed", "skipped"}}


def run_all(folder: Path, programs: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]]) -> list[Outcome]:
    """Each program, given as its files and the values of its flags."""
    jobs = []
    for number, (files, flags) in enumerate(programs):
        place = folder / str(number)
        for name, text in files.items():
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        jobs.append({"folder": str(place), "flags": dict(flags)})
    done = subprocess.run(
        [sys.executable, str(DRIVER)],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=True,
    )
    return [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]
