"""The Dockerfile, read as strictly as hadolint does, and what .dockerignore leaves out. An engine is not needed."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from lab.image.dockerfile import Instruction, Stage, stages

ROOT = Path(__file__).resolve().parents[3]
STAGES = stages(ROOT / "Dockerfile")
LAST = STAGES[-1]
NAMES = [stage.name for stage in STAGES]
LEFT_OUT = (
    ".git/config",
    ".lab/env.json",
    ".lab/pki/admin.key",
    ".venv/bin/python",
    ".env",
    "tests/conftest.py",
    "lab/up.py",
    "docs/install.md",
    "kubeconfig",
    "deployments/__pycache__/cli.cpython-311.pyc",
    "sluice/judge/bets/__pycache__/single.cpython-311.pyc",
)
"""Secrets, what is large, and what would make the image another one each time; whether it is there or not."""


def of(stage: Stage, *verbs: str) -> list[Instruction]:
    return [one for one in stage.instructions if one.verb in verbs]


def every(verb: str) -> list[str]:
    return [one.rest for stage in STAGES for one in of(stage, verb)]


def sources() -> list[str]:
    """What is copied from the checkout."""
    return [name for rest in every("COPY") if not rest.startswith("--from=") for name in rest.split()[:-1]]


def ignored(path: str) -> bool:
    """Whether .dockerignore keeps a file out, as an engine reads it: the last line that matches decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        allowed, pattern = line.startswith("!"), line.removeprefix("!").strip("/")
        wanted = re.compile(re.escape(pattern).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*"))
        parts = path.split("/")
        if any(wanted.fullmatch("/".join(parts[: n + 1])) for n in range(len(parts))):
            out = not allowed
    return out


def test_every_origin_is_pinned() -> None:
    """By a version, or an earlier stage: what was built last year can be built today."""
    for number, stage in enumerate(STAGES):
        if stage.origin not in NAMES[:number]:
            _, _, tag = stage.origin.rpartition(":")
            assert re.match(r"v?\d+\.\d+", tag), stage.origin
    taken = [rest.split()[0].removeprefix("--from=") for rest in every("COPY") if rest.startswith("--from=")]
    assert len(taken) == 4
    assert set(taken) <= set(NAMES)


def test_it_runs_as_a_number_and_in_exec_form() -> None:
    """`runAsNonRoot` is refused for a name, and a shell in between would keep SIGTERM for itself."""
    (user,) = of(LAST, "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user.rest)
    assert LAST.instructions.index(user) > max(LAST.instructions.index(one) for one in of(LAST, "COPY"))
    for one in of(LAST, "ENTRYPOINT", "CMD"):
        assert all(isinstance(word, str) for word in json.loads(one.rest))
    assert {one.verb for one in of(LAST, "ENTRYPOINT", "CMD")} == {"ENTRYPOINT", "CMD"}
    assert all(place.startswith("/") for place in every("WORKDIR"))


def test_what_is_installed_leaves_no_cache_and_is_pinned() -> None:
    """Neither lists of packages nor pip's cache are in a layer; of libraries the versions are those of constraints.txt."""
    pinned = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    apt = [run for run in every("RUN") if "apt-get" in run]
    pip = [run for run in every("RUN") if "pip install" in run]
    assert (len(apt), len(pip)) == (1, 2)
    for run in apt:
        assert run.startswith("apt-get update && apt-get install --yes --no-install-recommends ")
        assert run.endswith("rm -rf /var/lib/apt/lists/*")
        assert "upgrade" not in run
    for run in pip:
        assert "--no-cache-dir" in run
        assert "-c constraints.txt" in run or "--no-index" in run
        named = run.partition("constraints.txt ")[2].split()
        assert {name for name in named if name != "."} <= pinned
    assert not [run for run in every("RUN") if re.search(r"\b(sudo|curl|wget)\b|\|\s*(ba)?sh\b", run)]


def test_no_secret_is_in_a_layer() -> None:
    """Nor in the image's environment."""
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"^(ARG|ENV) \w*(TOKEN|SECRET|PASSWORD|KEY|AUTH)", text, re.MULTILINE | re.IGNORECASE)


def test_the_home_is_there_and_the_user_s() -> None:
    """Where no volume is mounted on it, as with `docker run`."""
    home = dict(one.rest.split("=", 1) for one in of(LAST, "ENV"))["SLUICE_HOME"]
    (user,) = of(LAST, "USER")
    number, _, group = user.rest.partition(":")
    assert any(
        f"useradd --uid {number} " in run and f"install -d -o {number} -g {group} {home}" in run for run in every("RUN")
    )


@pytest.mark.parametrize("source", sources())
def test_what_is_copied_is_there_and_let_in(source: str) -> None:
    """Each file of it that git knows: an engine would stop at one that is not in its context."""
    listed = subprocess.run(["git", "ls-files", "--", source], cwd=ROOT, capture_output=True, text=True, check=True)
    files = listed.stdout.splitlines()
    assert files
    assert [file for file in files if ignored(file)] == []


@pytest.mark.parametrize("path", LEFT_OUT)
def test_what_is_not_copied_is_left_out(path: str) -> None:
    """The context is small, and holds no secret of the lab."""
    assert ignored(path)
