"""Taking a lab away is not left in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

ASKED = """
import subprocess
from lab.down import to_the_end
with to_the_end():
    print("begun", flush=True)
    subprocess.run(["sleep", "1"], check=True)
print("done", flush=True)
input()
"""


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_what_is_asked_to_end_in_the_middle_goes_on_with_the_programs_that_it_starts(asked: signal.Signals) -> None:
    """As by `timeout`, which asks the whole group; once it is through, a request to end counts again."""
    with subprocess.Popen(
        [sys.executable, "-c", ASKED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "begun\n"
        os.killpg(it.pid, asked)
        assert it.stdout.readline() == "done\n"
        os.killpg(it.pid, signal.SIGTERM)
        assert it.wait(60) == -signal.SIGTERM
