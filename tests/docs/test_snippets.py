"""What README, CONTRIBUTING and docs show is true: manifests are valid, commands exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from io import StringIO
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import yaml
from cyclopts.exceptions import UnknownCommandError
from rich.console import Console

from deployments.cli import app
from sluice.manifests.crd import COLUMNS
from sluice.measures import dataplanes
from sluice.measures.dataplanes import telemetry_for
from tests.samples import canary

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^( *)```(\w+)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
"""Also one that is indented, as part of a list."""
SNIPPETS = [(page.name, kind, dedent(text)) for page in PAGES for _, kind, text in FENCE.findall(page.read_text())]
COMMANDS = [
    line.split("#")[0].strip()
    for _, kind, text in SNIPPETS
    if kind == "console"
    for line in text.splitlines()
    if line.strip()
]


MODELS = {model.kind: model for model in COLUMNS}


@pytest.mark.parametrize("text", [text for _, kind, text in SNIPPETS if kind == "yaml"])
def test_every_manifest_shown_is_valid_and_fully_supported(text: str) -> None:
    """A reader can apply what the documents show, and sluice acts on every field of it."""
    for manifest in yaml.safe_load_all(text):
        assert list(MODELS[manifest["kind"]].parse(manifest).unsupported()) == []


@pytest.mark.parametrize("text", [text for _, kind, text in SNIPPETS if kind == "toml"])
def test_every_entry_point_shown_is_that_of_an_example(text: str) -> None:
    """What a page says of installing is what the package next to it does."""
    examples = [tomllib.loads(file.read_text()) for file in (ROOT / "examples").glob("*/pyproject.toml")]
    points = [one["project"]["entry-points"] for one in examples]
    assert tomllib.loads(text)["project"]["entry-points"] in points


@pytest.mark.parametrize("text", [text for _, kind, text in SNIPPETS if kind == "python"])
def test_every_piece_of_python_shown_runs(text: str) -> None:
    """And a data plane in it is one."""
    names: dict[str, Any] = {}
    exec(compile(text, "snippet", "exec"), names)  # noqa: S102 - our own documents
    if "PLANE" in names:
        assert dataplanes.fits("configmap", names["PLANE"])
        found = telemetry_for(canary({"provider": "configmap"}), rows={"configmap": names["PLANE"]})
        assert found is not None
        assert {found.canary, found.primary, found.baseline} == {"shop-canary", "shop-primary", "shop-baseline"}


def _docker(arguments: list[str]) -> None:
    """An image is built from here, by the name that the manifests use; what it runs is a command of ours."""
    if arguments[0] == "run":
        assert arguments[1:3] == ["--rm", f"sluice:{_tag()}"]
        exists(shlex.join(["sluice", *arguments[3:]]))
        return
    assert arguments == ["build", "-t", f"sluice:{_tag()}", "."]
    assert (ROOT / "Dockerfile").exists()


def _kind(arguments: list[str]) -> None:
    assert arguments == ["load", "docker-image", f"sluice:{_tag()}"]


def _tag() -> str:
    base = yaml.safe_load((ROOT / "deployments/kubernetes/base/kustomization.yaml").read_text())
    return str(base["images"][0]["newTag"])


def _kubectl(arguments: list[str]) -> None:
    """Folders, objects and keys that it names are in the manifests; what it runs in a pod exists."""
    if arguments[0] == "annotate":
        _annotated(arguments)
        return
    if "--" in arguments:
        exists(shlex.join(arguments[arguments.index("--") + 1 :]))
    text = "\n".join(file.read_text() for file in (ROOT / "deployments" / "kubernetes").rglob("*.yaml"))
    objects = {(one["kind"].lower(), one["metadata"]["name"]) for one in _every(text) if "metadata" in one}
    for flag, value in pairwise(arguments):
        theirs = arguments[0] == "annotate"  # an object of a user's, wherever it is
        assert flag != "-n" or theirs or ("namespace", value) in objects
        assert flag != "-k" or (ROOT / value / "kustomization.yaml").exists()
    for argument in arguments:
        kind, slash, name = argument.partition("/")
        assert not slash or kind not in {"deployment", "service"} or (kind, name) in objects
        key = argument.removeprefix("--from-literal=").partition("=")[0]
        assert key == argument.partition("=")[0] or f"key: {key}" in text


def _annotated(arguments: list[str]) -> None:
    """The object is somebody's own; what is written on it is an annotation that our code reads."""
    keys = [key.rstrip("-") for one in arguments if "/" in (key := one.partition("=")[0]) and not key.startswith("-")]
    code = "\n".join(file.read_text() for room in ("sluice", "tasks", "blocks") for file in (ROOT / room).rglob("*.py"))
    assert keys
    assert all(f'"{key}"' in code for key in keys if key.startswith("sluice.dev/"))


def _every(text: str) -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(re.sub(r"^(?=apiVersion)", "---\n", text, flags=re.MULTILINE)) if one]


GROUPS = {"audit", "migrate", "trains"}
"""Commands that have commands."""
ELSEWHERE = {"docker": _docker, "kind": _kind, "kubectl": _kubectl}
"""Programs that are not ours, and what of a command can be held against what is."""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shown_exists(command: str) -> None:
    """`make` targets are in the Makefile, `sluice` commands and their options in its help; what kubectl names exists."""
    for piece in command.split(" | "):
        exists(piece)


def exists(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program in ELSEWHERE:
        ELSEWHERE[program](arguments)
        return
    if program == "make":
        run = subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr
        return
    assert program == "sluice", f"{command!r} is neither make nor sluice"
    name, *options = arguments
    words = [name, options[0]] if name in GROUPS else [name]
    page = helped(*words)
    assert all(option in page for option in options if option.startswith("-"))


@cache
def helped(*words: str) -> str:
    """What `sluice WORDS --help` prints, of the program's own application; a command that does not exist is an error.

    In this process: a program start for each of the pages' commands took longer than all other tests of this folder.
    """
    printed = StringIO()
    console = Console(file=printed, width=80)
    app([*words, "--help"], console=console, exit_on_error=False, print_error=False, result_action="return_value")
    return printed.getvalue()


@pytest.mark.parametrize("words", ["migrate flux", "no-such-command", "migrate no-such-command"])
def test_the_program_itself_shows_the_same_help_and_refuses_the_same_commands(words: str) -> None:
    """What `helped` says in this process is what a reader's shell says."""
    asked = [sys.executable, "-m", "deployments.cli", *words.split(), "--help"]
    environment = {**os.environ, "COLUMNS": "80"}
    run = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if run.returncode == 0:
        assert run.stdout == helped(*words.split())
    else:
        assert "no-such-command" in run.stdout + run.stderr
        with pytest.raises(UnknownCommandError, match="no-such-command"):
            helped(*words.split())
    assert (run.returncode == 0) is ("no-such-command" not in words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links and pictures exist."""
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_kind_of_snippet_is_known() -> None:
    """A fence of a kind that no test runs cannot slip in."""
    assert {kind for _, kind, _ in SNIPPETS} <= {"console", "yaml", "toml", "python", "text"}
