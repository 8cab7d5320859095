"""A home folder that cannot be written is said in one sentence before anything is started."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.home import Home, check_home
from sluice.errors import TerminalError

ROOT = Path(__file__).parents[2]


def test_a_folder_that_can_be_made_or_written_is_well_and_stays_as_it_was(tmp_path: Path) -> None:
    """The doctor leaves nothing behind."""
    for home in (tmp_path, tmp_path / "not" / "yet"):
        check_home(home)
        assert str(home) in asyncio.run(Home(home).ping())
    assert list(tmp_path.iterdir()) == []


def wrong_homes(folder: Path) -> list[tuple[Path, str]]:
    file, nowhere = folder / "file", folder / "nowhere"
    file.write_text("")
    nowhere.symlink_to(folder / "gone")
    return [
        (Path("/proc/nope"), "/proc: No such file"),
        (file, "Not a directory"),
        (file / "x", "Not a directory"),
        (nowhere, "No such file"),
    ]


def test_what_cannot_be_written_is_named_with_the_reason_and_the_way_out(tmp_path: Path) -> None:
    """A file system that refuses, a file in the way, a link to nowhere."""
    for home, why in wrong_homes(tmp_path):
        with pytest.raises(TerminalError) as caught:
            check_home(home)
        said = str(caught.value)
        assert f"SLUICE_HOME={home} cannot be written: " in said
        assert why in said
        assert "set SLUICE_HOME, or --home" in said


@pytest.mark.parametrize("part", ["up", "worker", "receiver", "server", "watcher"])
def test_every_part_ends_with_that_sentence(part: str) -> None:
    """Exit code 1, one line, no traceback."""
    run = subprocess.run(
        [sys.executable, "-m", "deployments.cli", part],
        env={**os.environ, "SLUICE_HOME": "/proc/nope"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error SLUICE_HOME=/proc/nope cannot be written: ")
    assert len(run.stderr.splitlines()) == 1, run.stderr
