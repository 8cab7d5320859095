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
LIST_TIMEOUT_S, BUILD_TIMEOUT_S = 900, 1800


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
    # A list names no folder of a module that is not on this machine yet.
    toolchain.run_go(SOURCE, LIST_TIMEOUT_S, "mod", "download", MODULE)
    found = toolchain.run_go(SOURCE, LIST_TIMEOUT_S, "list", "-m", "-f", "{{.Dir}} {{.Version}}", MODULE).split()
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
    toolchain.run_go(
        copy, BUILD_TIMEOUT_S, "build", "-trimpath", "-buildvcs=false", flags, "-o", str(folder / "flux"), "./cmd/flux"
    )
    shutil.rmtree(copy)
