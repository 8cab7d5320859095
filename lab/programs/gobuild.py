"""Builds the lab's small Go programs (sample application, load generator, git server, pod sandbox), once per source.

The caller names a folder that holds a Go module and gets the path of a static program; when the sources have not
changed since the last build, that costs a hash.
"""

from __future__ import annotations

from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.programs import cache, toolchain

BUILD_TIMEOUT_S = 600


def sources_of(source_dir: Path) -> list[Path]:
    """The files that go into the build, in a fixed order."""
    wanted = (".go", ".mod", ".sum")
    return sorted(file for file in source_dir.rglob("*") if file.suffix in wanted and file.is_file())


def build_program(source_dir: Path, name: str, package: str = ".") -> Path:
    """Build `package` of the Go module in `source_dir` and return its program; cached by the hash of its sources."""
    files = sources_of(source_dir)
    if not files:
        raise LabError(f"there are no Go sources in {source_dir}")
    layout = [str(file.relative_to(source_dir)) for file in files] + [package] * (package != ".")
    key = cache.key_of([name, str(toolchain.version_of(toolchain.go_binary())), *layout], files)

    def build(folder: Path) -> None:
        flags = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")
        toolchain.run_go(source_dir, BUILD_TIMEOUT_S, "build", *flags, "-o", str(folder / name), package)

    return cache.made_once(paths.cache_root() / "programs" / f"{name}-{key}", build) / name
