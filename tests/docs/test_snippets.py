"""What README, CONTRIBUTING and docs show is true: manifests are valid, commands exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sluice.manifests.flagger.canary import Canary

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SNIPPETS = [(page.name, kind, text) for page in PAGES for kind, text in FENCE.findall(page.read_text())]
COMMANDS = [
    line.split("#")[0].strip()
    for _, kind, text in SNIPPETS
    if kind == "console"
    for line in text.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("text", [text for _, kind, text in SNIPPETS if kind == "yaml"])
def test_every_manifest_shown_is_valid_and_fully_supported(text: str) -> None:
    """A reader can apply what the documents show, and sluice acts on every field of it."""
    for manifest in yaml.safe_load_all(text):
        assert manifest["kind"] == "Canary"
        assert list(Canary.parse(manifest).unsupported()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shown_exists(command: str) -> None:
    """`make` targets are in the Makefile, `sluice` commands and their options in its help."""
    program, *arguments = shlex.split(command)
    if program == "make":
        run = subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr
        return
    assert program == "sluice", f"{command!r} is neither make nor sluice"
    name, *options = arguments
    asked = [sys.executable, "-m", "deployments.cli", name, "--help"]
    run = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert all(option in run.stdout for option in options if option.startswith("-"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links and pictures exist."""
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_kind_of_snippet_is_known() -> None:
    """A fence of a kind that no test runs cannot slip in."""
    assert {kind for _, kind, _ in SNIPPETS} <= {"console", "yaml", "text"}
