"""Programs that the lab builds from a Go module: made when a test needs them, once a version, into the shared cache."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, toolchain, versions
from lab.progress import say

BUILD_TIMEOUT_S = 1800


@dataclass(frozen=True, slots=True)
class Released:
    """One program of a module.

    Attributes:
        name: of the program.
        package: the Go package that it is built from.
        version: of its module, without the `v`.
        shown: the variable that holds the version which the program prints; empty where it reads it from its build.
    """

    name: str
    package: str
    version: str
    shown: str = ""

    def path(self) -> Path:
        """The program; the first call on a machine builds it, which takes some minutes."""
        key = cache.key_of([self.version, self.package], [])
        place = paths.cache_root() / "programs" / f"{self.name}-{key}"
        busy = f"another build of {self.name} is under way: waiting for it"
        return cache.made_once(place, self._build, lambda: say(busy)) / self.name

    def _build(self, folder: Path) -> None:
        say(f"building {self.name} {self.version}; this happens once")
        shown = f" -X {self.shown}=v{self.version}" if self.shown else ""
        done = subprocess.run(
            [
                str(toolchain.go_binary()),
                "install",
                "-p=1",
                "-trimpath",
                f"-ldflags=-s -w{shown}",
                f"{self.package}@v{self.version}",
            ],
            env={**toolchain.go_environment(), "GOBIN": str(folder)},
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"{self.name} {self.version} could not be built: {done.stderr.strip()[-600:]}")


HELM = Released("helm", "helm.sh/helm/v4/cmd/helm", versions.HELM, "helm.sh/helm/v4/internal/version.version")
COSIGN = Released("cosign", "github.com/sigstore/cosign/v3/cmd/cosign", versions.COSIGN)
