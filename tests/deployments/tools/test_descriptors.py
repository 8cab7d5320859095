"""A process with many watches has room for their connections."""

from __future__ import annotations

import subprocess
import sys

ASK = """
import resource
from deployments.tools.descriptors import allow_descriptors
{}
allow_descriptors()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits(before: str) -> list[int]:
    done = subprocess.run([sys.executable, "-c", ASK.format(before)], capture_output=True, text=True, check=True)
    return [int(one) for one in done.stdout.split()]


def test_the_soft_limit_becomes_what_the_hard_one_allows() -> None:
    assert limits("resource.setrlimit(resource.RLIMIT_NOFILE, (256, 900))") == [900, 900]


def test_a_limit_that_does_is_left() -> None:
    assert limits("resource.setrlimit(resource.RLIMIT_NOFILE, (900, 900))") == [900, 900]
