"""What runs programs of the corpus: pytest is loaded once, and each program gets a process of its own by fork.

Reads a list of jobs (folder, flags) as JSON from its input, and prints one JSON object a line and job.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

SUPPORT = Path(__file__).parent / "support"


class Outcomes:
    """A plugin that keeps how each test ended."""

    def __init__(self) -> None:
        self.ended: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.ended[report.nodeid] = report.outcome

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome == "failed":
            self.ended[report.nodeid] = "failed: " + str(report.longrepr)[-800:]


def run(job: dict[str, Any]) -> dict[str, Any]:
    """One program: what its check prints, and how its tests end."""
    os.chdir(job["folder"])
    os.environ["FLAGS"] = json.dumps(job["flags"])
    sys.path[:0] = [job["folder"], str(SUPPORT)]
    sys.dont_write_bytecode = True
    printed = io.StringIO()
    outcomes = Outcomes()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        try:
            runpy.run_path("check.py", run_name="__main__")
        except BaseException as error:  # also what a program ends itself with is something that it does
            print(f"{type(error).__name__}: {error}")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if list(Path().rglob("test_*.py")):
            options = ["-q", "-p", "no:cacheprovider", "--rootdir", job["folder"], "-c", os.devnull, job["folder"]]
            pytest.main(options, plugins=[outcomes])
    return {"printed": printed.getvalue(), "tests": outcomes.ended}


def main() -> None:
    for job in json.loads(sys.stdin.read()):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                try:
                    out.write(json.dumps(run(job)))
                except BaseException as error:
                    out.write(json.dumps({"printed": f"driver: {error!r}", "tests": {}}))
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as said:
            print(said.read(), flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
