"""The packages of examples/ as a reader installs them: built from a copy, found by their entry points, and at work.

Each has a `tests/examples/try_<name>.py`, which a fresh Python runs with the installed packages on its path.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(file.parent for file in (ROOT / "examples").glob("*/pyproject.toml"))
MOST_LINES = 70
PIP = (
    "-m",
    "pip",
    "install",
    "--quiet",
    "--no-deps",
    "--no-build-isolation",
    "--no-index",
    "--disable-pip-version-check",
)


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file in a folder with a hash of it; what Python leaves behind when it runs is not of interest."""
    files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all examples installed in it."""
    folder = tmp_path_factory.mktemp("examples")
    shutil.copytree(ROOT / "examples", folder / "copy", ignore=shutil.ignore_patterns("__pycache__"))
    copies = [str(folder / "copy" / one.name) for one in EXAMPLES]
    asked = [sys.executable, *PIP, "--target", str(folder / "site"), *copies]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_is_installed_and_does_what_it_says(example: Path, site: Path) -> None:
    """Without a change to sluice, by its entry point alone; what it does is in its `try_` module."""
    path = os.pathsep.join([str(site), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    asked = [sys.executable, "-m", f"tests.examples.try_{example.name}"]
    done = subprocess.run(asked, cwd=site, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_installing_the_examples_leaves_no_trace_in_the_tree(tmp_path: Path, site: Path) -> None:
    """They are built from a copy: nothing of a build is next to them, and nothing of them is in this environment."""
    copied = site.parent / "copy"
    tracked = subprocess.run(["git", "ls-files", "examples"], cwd=ROOT, capture_output=True, text=True, check=True)
    there = fingerprint(ROOT / "examples")
    built = fingerprint(copied)
    assert {name: built[name] for name in there} == there
    assert set(built) > set(there), "the build left nothing in the copy: was it built elsewhere?"
    assert {f"examples/{name}" for name in there} <= set(tracked.stdout.split())
    named = {one.metadata["Name"] for one in distributions(path=[*map(str, (site,))])}
    assert named == {f"sluice-example-{one.name}" for one in EXAMPLES}
    assert not named & {one.metadata["Name"] for one in distributions()}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_is_short_and_says_what_it_is(example: Path) -> None:
    """One module that can be read at a glance, and begins with one line about it."""
    (module,) = example.glob("*.py")
    text = module.read_text()
    assert sum(bool(line.strip()) for line in text.splitlines()) <= MOST_LINES
    assert text.startswith('"""')
    assert "one's own" in text.splitlines()[0]
