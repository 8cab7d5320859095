"""The helm program of the lab: built from its Go module when a test needs it, once a version, into the shared cache."""

from __future__ import annotations

import subprocess
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, toolchain, versions
from lab.progress import say

MODULE = "helm.sh/helm/v4/cmd/helm"
BUILD_TIMEOUT_S = 1800


def helm() -> Path:
    """The program; the first call on a machine builds it, which takes some minutes."""
    name = f"helm-{cache.key_of([versions.HELM, MODULE], [])}"
    place = paths.cache_root() / "programs" / name
    return cache.made_once(place, _build, lambda: say("another build of helm is under way: waiting for it")) / "helm"


def _build(folder: Path) -> None:
    say(f"building helm {versions.HELM}; this happens once")
    flags = f"-s -w -X helm.sh/helm/v4/internal/version.version=v{versions.HELM}"
    command = [
        str(toolchain.go_binary()),
        "install",
        "-p=1",
        "-trimpath",
        f"-ldflags={flags}",
        f"{MODULE}@v{versions.HELM}",
    ]
    done = subprocess.run(
        command,
        env={**toolchain.go_environment(), "GOBIN": str(folder)},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"helm {versions.HELM} could not be built: {done.stderr.strip()[-600:]}")
