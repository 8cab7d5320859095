"""The `flux` command and the fields of Flux's kinds, both built from Flux's own Go modules, once per version."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, gobuild, toolchain

SOURCE = paths.SOURCES / "flux"
MODULE = "github.com/fluxcd/flux2/v2"
BUILD_TIMEOUT_S = 1800


def flux_command() -> Path:
    """The `flux` program. The first build takes several minutes."""
    key = cache.key_of(["flux"], [SOURCE / "go.mod", SOURCE / "go.sum"])
    return cache.made_once(paths.cache_root() / "programs" / f"flux-{key}", _build) / "flux"


@lru_cache(maxsize=1)
def flux_fields() -> dict[str, list[str]]:
    """The fields of each kind: the paths of what a manifest of Flux's may set, as `spec.ref.branch`."""
    program = gobuild.build_program(SOURCE, "flux-fields")
    done = subprocess.run([program], capture_output=True, text=True, timeout=60, check=True)
    fields: dict[str, list[str]] = json.loads(done.stdout)
    return fields


def _build(folder: Path) -> None:
    """From a copy of the module: its release has its install manifests embedded, which are made at release time and are not
    part of the module. No command but `install` and `bootstrap` reads them."""
    found = _go(SOURCE, "list", "-m", "-f", "{{.Dir}} {{.Version}}", MODULE).split()
    if len(found) != 2:
        raise LabError(f"{MODULE} is not listed in lab/flux/go.mod")
    copy, version = folder / "source", found[1].removeprefix("v")
    shutil.copytree(found[0], copy, copy_function=shutil.copyfile)
    for each in (copy, *copy.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    embedded = copy / "cmd" / "flux" / "manifests"
    embedded.mkdir()
    (embedded / "none.yaml").write_text("# made at release time\n")
    flags = f"-ldflags=-s -w -X main.VERSION={version}"
    _go(copy, "build", "-trimpath", "-buildvcs=false", flags, "-o", str(folder / "flux"), "./cmd/flux")
    shutil.rmtree(copy)


def _go(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [toolchain.go_binary(), *arguments],
        cwd=folder,
        env=toolchain.go_environment(),
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise LabError(f"go {arguments[0]} for flux failed: {done.stderr.strip()[-1000:]}")
    return done.stdout
