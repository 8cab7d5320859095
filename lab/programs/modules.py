"""Programs that are built from their Go modules where something needs them, once a version, into the shared cache.

The image of sluice gets them in the same versions: the Dockerfile has the same lines, and a test holds the two together.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, toolchain, versions
from lab.progress import say

BUILD_TIMEOUT_S = 1800


@dataclass(frozen=True)
class Module:
    """A program.

    Attributes:
        path: of its package, as `go install` names it.
        version: without the v.
        stamp: the variable that is given the version, where the program does not know it by itself.
    """

    name: str
    path: str
    version: str
    stamp: str = ""

    @property
    def flags(self) -> str:
        """For the linker."""
        return "-s -w" + (f" -X {self.stamp}=v{self.version}" if self.stamp else "")


HELM = Module("helm", "helm.sh/helm/v4/cmd/helm", versions.HELM, "helm.sh/helm/v4/internal/version.version")
COSIGN = Module("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", versions.COSIGN)

LOAD_TESTER = Module("loadtester", "github.com/fluxcd/flagger/cmd/loadtester", versions.LOAD_TESTER)
HEY = Module("hey", "github.com/rakyll/hey", versions.HEY)


def helm() -> Path:
    """The helm program; the first call on a machine builds it, which takes some minutes."""
    return built(HELM)


def cosign() -> Path:
    """The cosign program; the first call on a machine builds it, which takes some minutes."""
    return built(COSIGN)


def built(module: Module) -> Path:
    """The program of a module."""
    place = paths.cache_root() / "programs" / f"{module.name}-{cache.key_of([module.version, module.path], [])}"
    waiting = partial(say, f"another build of {module.name} is under way: waiting for it")
    return cache.made_once(place, partial(_build, module), waiting) / module.name


def _build(module: Module, folder: Path) -> None:
    say(f"building {module.name} {module.version}; this happens once and takes three to five minutes on two cores")
    command = [str(toolchain.go_binary()), "install", "-p=1", "-trimpath", f"-ldflags={module.flags}"]
    done = subprocess.run(
        [*command, f"{module.path}@v{module.version}"],
        env={**toolchain.go_environment(), "GOBIN": str(folder)},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"{module.name} {module.version} could not be built: {done.stderr.strip()[-600:]}")
